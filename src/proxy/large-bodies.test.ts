/** Bodies larger than one read arrive as they were sent, whatever holds or copies them on the way: read buffers are used again. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request } from 'node:http'
import { connect, createServer as createHttp2Server, type Http2ServerRequest } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { countingGuest } from '../wasm/testing/counting-guest.ts'
import type { ProxyHandle } from './index.ts'
import { cluster, FILTERS, httpListener, portOf, type Running, testProxy, upstream } from './testing.ts'

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
const HTTP2 = `typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http2_protocol_options: {} } } }`

/** What holds or copies bodies on the way, each in front of one cluster. */
const ways = (cluster: string): Readonly<Record<string, Parameters<typeof httpListener>[0]>> => {
  const route = (more = '') => `[{ match: { prefix: / }, route: { cluster: ${cluster}${more} } }]`
  return {
    plain: { routes: route() },
    wasm: { routes: route(), filters: [WASM] },
    buffer: { routes: route(), filters: [BUFFER] },
    retry: { routes: route(', retry_policy: { retry_on: 5xx, num_retries: 2 }') },
    mirror: { routes: route(', request_mirror_policies: [{ cluster: other }]') },
  }
}
const WAYS = Object.keys(ways('up'))
const CLUSTERS = ['up', 'up2']
const LISTENERS = CLUSTERS.flatMap((cluster) =>
  Object.entries(ways(cluster)).map(([name, options]) => httpListener({ ...options, name: `${name}-${cluster}` })),
)

interface Server {
  readonly port: number
  close(): void
}

describe('large bodies', () => {
  let proxy: ProxyHandle
  let up: Server
  let up2: Server
  let other: Running
  let mirrored = 0
  /** Requests that were refused once. */
  const failed = new Set<string>()

  interface Reply {
    setHeader(name: string, value: number): unknown
    writeHead(status: number): unknown
    end(bytes: Buffer): unknown
  }

  /** Sends back what it gets, a moment later, in the way that was asked for. */
  async function serve(request: IncomingMessage | Http2ServerRequest, response: Reply): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const once = request.headers['x-once']
    if (typeof once === 'string' && !failed.has(once)) {
      failed.add(once)
      response.writeHead(503)
      response.end(Buffer.alloc(0))
      return
    }
    const bytes = Buffer.concat(chunks)
    if (request.headers['x-length'] !== undefined) response.setHeader('content-length', bytes.length)
    setTimeout(() => response.end(bytes), 5)
  }

  async function listening(server: ReturnType<typeof createServer | typeof createHttp2Server>): Promise<Server> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { port: (server.address() as AddressInfo).port, close: () => server.close() }
  }

  before(async () => {
    const plain = createServer((request, response) => void serve(request, response))
    // Node would close a connection that idled for five seconds just when the next test uses it.
    plain.keepAliveTimeout = 0
    up = await listening(plain)
    up2 = await listening(createHttp2Server((request, response) => void serve(request, response)))
    other = await upstream((_, response, text) => {
      mirrored += text.length
      response.end()
    })
    const more = 'circuit_breakers: { thresholds: [{ max_retries: 100 }] }'
    proxy = await testProxy(LISTENERS, [
      cluster(up.port, more),
      cluster(up2.port, `${more}\n${HTTP2}`, 'up2'),
      cluster(other.port, '', 'other'),
    ])
  })

  after(async () => {
    await proxy.close(0)
    up.close()
    up2.close()
    await other.close()
    rmSync(folder, { recursive: true })
  })

  interface Call {
    readonly port: number
    readonly headers: Record<string, string | number>
    readonly bytes: Buffer
    readonly slow: boolean
  }

  /** Pieces of other sizes than anything on the way. */
  function send(call: { write(bytes: Buffer): unknown; end(): unknown }, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += 77_777) call.write(bytes.subarray(at, at + 77_777))
    call.end()
  }

  async function read(response: AsyncIterable<unknown>, slow: boolean): Promise<Buffer> {
    const chunks: Buffer[] = []
    for await (const chunk of response) {
      chunks.push(chunk as Buffer)
      if (slow) await sleep(1)
    }
    return Buffer.concat(chunks)
  }

  const CLIENTS: Readonly<Record<string, (call: Call) => Promise<Buffer>>> = {
    'HTTP/1.1': ({ port, headers, bytes, slow }) =>
      new Promise((resolve, reject) => {
        const options = { host: '127.0.0.1', port, method: 'POST', agent: false, headers }
        const call = request(options, (response) => read(response, slow).then(resolve, reject))
        call.on('error', reject)
        send(call, bytes)
      }),
    'HTTP/2': async ({ port, headers, bytes, slow }) => {
      const session = connect(`http://127.0.0.1:${port}`)
      try {
        const call = session.request({ ':path': '/', ':method': 'POST', ...headers })
        send(call, bytes)
        return await read(call, slow)
      } finally {
        session.close()
      }
    },
  }

  let requests = 0
  for (const name of WAYS) {
    for (const [version, client] of Object.entries(CLIENTS)) {
      for (const cluster of CLUSTERS) {
        test(`through ${name}, ${version} to ${cluster === 'up' ? 'HTTP/1.1' : 'HTTP/2'}`, async () => {
          const limit = name === 'retry' ? 900_000 : 3_000_000
          const one = async (i: number) => {
            const bytes = body(Math.min(limit, 40_000 + i * 173_321), i)
            const headers = {
              ...(i % 2 === 0 ? { 'content-length': bytes.length, 'x-length': '1' } : {}),
              ...(name === 'retry' ? { 'x-once': `${++requests}` } : {}),
            }
            const port = portOf(proxy, `${name}-${cluster}`)
            const got = await client({ port, headers, bytes, slow: i % 3 === 0 })
            assert.equal(got.length, bytes.length)
            assert.ok(got.equals(bytes), `body ${i} is another`)
          }
          failed.clear()
          mirrored = 0
          for (let round = 0; round < 2; round++) await Promise.all(Array.from({ length: 16 }, (_, i) => one(i)))
          if (name === 'retry') assert.equal(failed.size, 32)
          if (name === 'mirror') assert.ok(mirrored > 1_000_000)
        })
      }
    }
  }
})
