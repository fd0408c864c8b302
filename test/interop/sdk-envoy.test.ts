/** The AssemblyScript SDK's functions on a real Envoy, for each ABI version. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ABIS, fixture } from '../../sdk/assemblyscript/test/build-all.ts'
import { freePort } from '../free-ports.ts'
import { envoy } from '../peers/index.ts'
import { Program } from '../program.ts'
import { within } from '../within.ts'

const peer = await envoy()

describe('the AssemblyScript SDK on Envoy', { skip: peer.skip }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-sdk-'))
  const ports = new Map<string, number>()
  const upstream = createServer((incoming, response) => {
    let body = ''
    incoming.setEncoding('utf8').on('data', (chunk) => {
      body += chunk
    })
    incoming.on('end', () => {
      if (incoming.url === '/check') response.end('fine')
      else response.end(JSON.stringify({ headers: incoming.headers, body, trailers: incoming.trailers }))
    })
  })
  let program: Program | undefined

  before(async () => {
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    const { port } = upstream.address() as { port: number }
    const listeners = []
    for (const abi of ABIS) {
      const filename = join(dir, `${abi}.wasm`)
      writeFileSync(filename, await fixture('all-functions', abi))
      ports.set(abi, await freePort())
      listeners.push(listener(abi, ports.get(abi)!, filename))
    }
    const endpoint = { endpoint: { address: address(port) } }
    const cluster = {
      name: 'cluster',
      type: 'STATIC',
      load_assignment: { cluster_name: 'cluster', endpoints: [{ lb_endpoints: [endpoint] }] },
    }
    const file = join(dir, 'envoy.json')
    writeFileSync(file, JSON.stringify({ static_resources: { listeners, clusters: [cluster] } }))
    const args = [
      '-c',
      file,
      '--concurrency',
      '1',
      '--disable-hot-restart',
      '-l',
      'warn',
      '--component-log-level',
      'wasm:debug',
    ]
    program = new Program(peer.path, args, { cwd: dir })
    for (const abi of ABIS) await program.until(`listener ${abi}`, () => ask(abi, 'GET', '/').catch(() => undefined))
  })
  after(async () => {
    await program?.stop()
    upstream.closeAllConnections()
    upstream.close()
    rmSync(dir, { recursive: true, force: true })
  })

  interface Answer {
    status: number
    headers: IncomingHttpHeaders
    body: string
  }

  function ask(abi: string, method: string, path: string, body?: string, headers = {}): Promise<Answer> {
    const answered = new Promise<Answer>((resolve, reject) => {
      const outgoing = request(
        { host: '127.0.0.1', port: ports.get(abi), method, path, headers, agent: false },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk) => {
            text += chunk
          })
          response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
        },
      )
      outgoing.on('error', reject)
      outgoing.end(body)
    })
    return within(`the answer to ${method} ${path}`, answered, () => program?.log() ?? '')
  }

  /** What the upstream saw; the fixture puts a `!` after each piece of a response. */
  async function seen(abi: string, method: string, path: string, body?: string, headers = {}) {
    const answer = await ask(abi, method, path, body, headers)
    assert.equal(answer.status, 200)
    assert.match(answer.body, /!$/)
    return JSON.parse(answer.body.replaceAll('!', '')) as { headers: Record<string, string>; body: string }
  }

  /** Lines of the plugin since a mark in the log. */
  const said = (from: number) =>
    [...(program?.log() ?? '').slice(from).matchAll(/wasm log[^:]*: (.*)/g)].map((match) => match[1])

  for (const abi of ABIS) {
    describe(`ABI ${abi}`, () => {
      test('headers', async () => {
        const { headers } = await seen(abi, 'GET', '/headers', undefined, { 'x-set': 'old', 'x-remove': 'gone' })
        assert.equal(Buffer.from(headers['x-set'], 'latin1').toString(), 'naïve ☃')
        assert.equal(headers['x-remove'], undefined)
        assert.equal(headers['x-many'], 'second')
      })

      test('bodies', async () => {
        // Without a length: the fixture changes it.
        const { body } = await seen(abi, 'POST', '/', 'abcdef', { 'transfer-encoding': 'chunked' })
        assert.equal(body, '<ABCDEF>')
      })

      test('all response headers at once', async () => {
        const { headers } = await ask(abi, 'GET', '/')
        assert.match(String(headers['x-all']), /^\d+$/)
        assert.equal(headers['content-length'], undefined)
      })

      test('a local response', async () => {
        const answer = await ask(abi, 'GET', '/reply')
        assert.deepEqual([answer.status, answer.body], [418, 'teapot!'])
      })

      test('a call and its answer', async () => {
        const { headers } = await seen(abi, 'GET', '/call')
        assert.equal(headers['x-answered'], 'yes')
      })

      test('shared data and queues', async () => {
        const from = program?.log().length ?? 0
        await seen(abi, 'GET', '/shared')
        assert.deepEqual(said(from).slice(0, 3), [`0 0 true two`, 'true', 'true'])
      })

      test('a foreign function that is not there', async () => {
        const from = program?.log().length ?? 0
        await seen(abi, 'GET', '/foreign')
        assert.equal(said(from)[0], 'true')
      })

      test('many requests', async () => {
        for (let i = 0; i < 300; i++) assert.equal((await seen(abi, 'GET', '/garbage')).headers['x-length'], '490')
      })
    })
  }
})

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

function listener(abi: string, port: number, filename: string): unknown {
  const text = (value: string) => ({ '@type': 'type.googleapis.com/google.protobuf.StringValue', value })
  const wasm = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm',
    config: {
      name: abi,
      vm_config: {
        vm_id: abi,
        runtime: 'envoy.wasm.runtime.v8',
        code: { local: { filename } },
        configuration: text('vm'),
      },
      configuration: text('go'),
    },
  }
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'test',
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'cluster' } }] },
      ],
    },
    http_filters: [
      { name: 'wasm', typed_config: wasm },
      {
        name: 'router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  }
  return { name: abi, address: address(port), filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }] }
}
