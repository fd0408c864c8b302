/** Bodies larger than one read arrive as they were sent, whatever holds or copies them on the way: read buffers are used again. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { countingGuest } from '../../wasm/testing/counting-guest.ts'
import type { ProxyHandle } from '../index.ts'
import { cluster, FILTERS, httpListener, portOf, type Running, testProxy, upstream } from '../testing.ts'

/** Every word differs, so that no other part can stand in for one. */
function body(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i + 4 <= length; i += 4) bytes.writeUInt32LE((seed * 2_654_435_761 + i) >>> 0, i)
  return bytes
}

const folder = mkdtempSync(join(tmpdir(), 'sluice-bodies-'))
const module = join(folder, 'counting.wasm')
writeFileSync(module, countingGuest())
const WASM = `{ name: counting, typed_config: { "@type": ${FILTERS}.http.wasm.v3.Wasm, config: { name: counting, vm_config: { runtime: envoy.wasm.runtime.v8, code: { local: { filename: "${module}" } } } } } }`
const BUFFER = `{ name: buffer, typed_config: { "@type": ${FILTERS}.http.buffer.v3.Buffer, max_request_bytes: 10000000 } }`
const LISTENERS: Readonly<Record<string, string>> = {
  plain: httpListener({ name: 'plain' }),
  wasm: httpListener({ name: 'wasm', filters: [WASM] }),
  buffer: httpListener({ name: 'buffer', filters: [BUFFER] }),
  retry: httpListener({
    name: 'retry',
    routes: '[{ match: { prefix: / }, route: { cluster: up, retry_policy: { retry_on: 5xx, num_retries: 2 } } }]',
  }),
  mirror: httpListener({
    name: 'mirror',
    routes: '[{ match: { prefix: / }, route: { cluster: up, request_mirror_policies: [{ cluster: other }] } }]',
  }),
}

describe('large bodies', () => {
  let proxy: ProxyHandle
  let up: Running
  let other: Running
  let mirrored = 0
  /** Requests that were refused once. */
  const failed = new Set<string>()

  before(async () => {
    // Sends back what it gets, a moment later, in the way that was asked for.
    up = await upstream((request, response, text) => {
      const bytes = Buffer.from(text, 'latin1')
      const once = request.headers['x-once']
      if (typeof once === 'string' && !failed.has(once)) {
        failed.add(once)
        response.writeHead(503).end()
        return
      }
      if (request.headers['x-length'] !== undefined) response.setHeader('content-length', bytes.length)
      setTimeout(() => response.end(bytes), 5)
    })
    other = await upstream((_, response, text) => {
      mirrored += text.length
      response.end()
    })
    proxy = await testProxy(Object.values(LISTENERS), [
      cluster(up.port, 'circuit_breakers: { thresholds: [{ max_retries: 100 }] }'),
      cluster(other.port, '', 'other'),
    ])
  })

  after(async () => {
    await proxy.close(0)
    await up.close()
    await other.close()
    rmSync(folder, { recursive: true })
  })

  let requests = 0
  function echo(name: string, bytes: Buffer, sized: boolean, slow: boolean): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const headers = {
        ...(sized ? { 'content-length': bytes.length, 'x-length': '1' } : {}),
        ...(name === 'retry' ? { 'x-once': `${++requests}` } : {}),
      }
      const call = request(
        { host: '127.0.0.1', port: portOf(proxy, name), method: 'POST', agent: false, headers },
        async (response) => {
          const chunks: Buffer[] = []
          for await (const chunk of response) {
            chunks.push(chunk as Buffer)
            if (slow) await sleep(1)
          }
          resolve(Buffer.concat(chunks))
        },
      )
      call.on('error', reject)
      // Pieces of other sizes than anything on the way.
      for (let at = 0; at < bytes.length; at += 77_777) call.write(bytes.subarray(at, at + 77_777))
      call.end()
    })
  }

  for (const name of Object.keys(LISTENERS)) {
    test(`through ${name}`, async () => {
      const limit = name === 'retry' ? 900_000 : 3_000_000
      const one = async (i: number) => {
        const sent = body(Math.min(limit, 40_000 + i * 173_321), i)
        const got = await echo(name, sent, i % 2 === 0, i % 3 === 0)
        assert.equal(got.length, sent.length)
        assert.ok(got.equals(sent), `body ${i} is another`)
      }
      for (let round = 0; round < 2; round++) await Promise.all(Array.from({ length: 16 }, (_, i) => one(i)))
      if (name === 'retry') assert.equal(failed.size, 32)
      if (name === 'mirror') assert.ok(mirrored > 1_000_000)
    })
  }
})
