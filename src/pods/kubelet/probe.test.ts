import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { ProbeSpec } from '../types.ts'
import { Prober, type ProbeTarget, probeOnce } from './probe.ts'

let status = 200
/** To the next requests, before `status`. */
let answers: number[] = []
let delayMs = 0
let seen: string[] = []
const server = createServer((request, response) => {
  seen.push(`${request.url} ${request.headers['x-probe'] ?? ''}`)
  setTimeout(() => response.writeHead(answers.shift() ?? status, { location: '/elsewhere' }).end(), delayMs)
})
let target: ProbeTarget
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const spec = { name: 'c', image: 'i', ports: [{ name: 'web', containerPort: port }] }
  target = { podIP: '127.0.0.1', spec, env: { WORD: 'right' }, cwd: undefined }
})
after(() => {
  server.closeAllConnections()
  server.close()
})

describe('a probe', () => {
  const http = (more: object = {}) => ({ httpGet: { port: 'web', ...more } })
  const cases: [name: string, probe: ProbeSpec, answer: number, why: RegExp | undefined][] = [
    ['passes on 200', http(), 200, undefined],
    ['passes on 399', http(), 399, undefined],
    ['does not follow redirects', http(), 302, undefined],
    ['fails on 400', http(), 400, /HTTP probe failed with statuscode: 400/],
    ['fails on 500', http(), 500, /statuscode: 500/],
    ['fails on a port name that is not there', http({ port: 'none' }), 200, /no port is named none/],
    ['fails where nobody listens', { httpGet: { port: 1 } }, 200, /ECONNREFUSED/],
    ['connects', { tcpSocket: { port: 'web' } }, 200, undefined],
    ['cannot connect', { tcpSocket: { port: 1 } }, 200, /dial tcp 127\.0\.0\.1:1: /],
    ['runs a command in the environment', { exec: { command: ['sh', '-c', 'test $WORD = right'] } }, 200, undefined],
    ['fails with the command', { exec: { command: ['sh', '-c', 'exit 3'] } }, 200, /exit code 3/],
    ['fails without the command', { exec: { command: ['/no/such/program'] } }, 200, /ENOENT/],
    [
      'stops a command that takes too long',
      { exec: { command: ['sleep', '5'] }, timeoutSeconds: 0.05 },
      200,
      /took over/,
    ],
    ['of no kind fails', {}, 200, /asks for nothing/],
  ]
  for (const [name, probe, answer, why] of cases) {
    test(name, async () => {
      status = answer
      const result = await probeOnce(probe, target)
      if (why === undefined) assert.equal(result, undefined)
      else assert.match(result ?? 'passed', why)
    })
  }
  test('asks for the path, with the headers', async () => {
    status = 200
    seen = []
    await probeOnce(http({ path: '/health?full', httpHeaders: [{ name: 'X-Probe', value: 'yes' }] }), target)
    assert.deepEqual(seen, ['/health?full yes'])
  })
  test('waits no longer than its timeout', async () => {
    delayMs = 400
    assert.match((await probeOnce({ ...http(), timeoutSeconds: 0.05 }, target)) ?? '', /timeout|aborted/)
    delayMs = 0
  })
})

describe('probing', () => {
  const changes = (probe: ProbeSpec, wanted: number): Promise<boolean[]> =>
    new Promise((resolve) => {
      const all: boolean[] = []
      const prober = new Prober(probe, target, (passing) => {
        all.push(passing)
        if (all.length < wanted) return
        prober.stop()
        resolve(all)
      })
    })

  test('is quick until the first success, and counts failures after it', async () => {
    answers = [500, 500, 200]
    status = 500
    const probe = { httpGet: { port: 'web' }, periodSeconds: 0.02, failureThreshold: 2 }
    const all = await changes(probe, 3)
    assert.deepEqual(all.slice(-2), [true, false])
  })

  test('needs as many successes as are asked for', async () => {
    status = 200
    seen = []
    await changes({ httpGet: { port: 'web' }, periodSeconds: 0.01, successThreshold: 3 }, 1)
    assert.equal(seen.length, 3)
  })

  test('needs them one after the other, also at the beginning', async () => {
    status = 200
    answers = [500, 200, 500, 200, 500]
    seen = []
    const probe = { httpGet: { port: 'web' }, periodSeconds: 0.001, successThreshold: 2, failureThreshold: 9 }
    assert.deepEqual(await changes(probe, 1), [true])
    assert.equal(seen.length, 7)
  })
})
