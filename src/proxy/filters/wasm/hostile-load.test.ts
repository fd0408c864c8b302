/**
 * Hostile modules under load: while each class of attack runs in each of these callbacks of a running proxy with one data thread, no
 * request of another extension is lost, and each victim serves again.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { createServer, type Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, mock } from 'node:test'
import { type Attack, pairsOf } from '../../../wasm/testing/attacks.ts'
import { guest } from '../../../wasm/testing/wat-guest.ts'
import { cluster, get, httpListener, portOf, testProxy, upstream } from '../../testing.ts'
import { bystander, httpFilter, slowly, strike, victims } from './testing/hostile.ts'

const folder = mkdtempSync(join(tmpdir(), 'wasm-hostile-'))
after(() => rmSync(folder, { recursive: true }))

/** Callbacks with their types. */
const PLACES: Readonly<Record<string, string>> = {
  proxy_on_context_create: '(param i32 i32)',
  proxy_on_request_headers: '(param i32 i32 i32) (result i32)',
  proxy_on_request_body: '(param i32 i32 i32) (result i32)',
  proxy_on_request_trailers: '(param i32 i32) (result i32)',
  proxy_on_response_headers: '(param i32 i32 i32) (result i32)',
  proxy_on_response_body: '(param i32 i32 i32) (result i32)',
  proxy_on_response_trailers: '(param i32 i32) (result i32)',
  proxy_on_log: '(param i32)',
  proxy_on_done: '(param i32) (result i32)',
  proxy_on_delete: '(param i32)',
  proxy_on_tick: '(param i32)',
  proxy_on_queue_ready: '(param i32 i32)',
  proxy_on_http_call_response: '(param i32 i32 i32 i32 i32)',
  proxy_on_grpc_receive_initial_metadata: '(param i32 i32 i32)',
  proxy_on_grpc_receive: '(param i32 i32 i32)',
  proxy_on_grpc_receive_trailing_metadata: '(param i32 i32 i32)',
  proxy_on_grpc_close: '(param i32 i32 i32)',
}

/** What an armed request does so that the callback comes. */
const CAUSES: Readonly<Record<string, string>> = {
  proxy_on_queue_ready: '(drop (call $proxy_enqueue_shared_queue (i32.load $slot9) (i32.const 0) (i32.const 1)))',
  proxy_on_http_call_response: `(drop (call $proxy_http_call (s "httpbin") (s "${pairsOf()}") (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 1000) $slot8))`,
}
const GRPC = `(drop (call $proxy_grpc_stream (s "grpc") (s "a.B") (s "C") (i32.const 0) (i32.const 0) $slot8))
  (drop (call $proxy_grpc_send (i32.load $slot8) (s "hello") (i32.const 1)))`

/** A request with `x-attack` arms the module, another disarms it. */
function victim(place: string, { code, also = '', noAllocator = false }: Attack): Uint8Array {
  const type = PLACES[place]
  const attack = `(if (i32.load (i32.const 8)) (then ${code}))`
  const arm = `(i32.store (i32.const 8) (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-attack") $slot0 $slot1)))
    (if (i32.load (i32.const 8)) (then ${place.includes('grpc') ? GRPC : (CAUSES[place] ?? '')}))`
  const here = place === 'proxy_on_request_headers'
  return guest(
    `${also}
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
      (drop (call $proxy_register_shared_queue (s "ready") $slot9))
      ${place === 'proxy_on_tick' ? '(drop (call $proxy_set_tick_period_milliseconds (i32.const 10)))' : ''} (i32.const 1))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${arm} ${here ? attack : ''} (i32.const 0))
    ${here ? '' : `(func (export "${place}") ${type} ${attack} ${type.includes('result') ? '(i32.const 0)' : ''})`}`,
    { noAllocator },
  )
}

/** A request with all its parts that arms the victim. */
function attacked(port: number): Promise<void> {
  return new Promise((resolve) => {
    const headers = { 'x-attack': '1', 'transfer-encoding': 'chunked', trailer: 'x-end' }
    const sent = request(
      { host: '127.0.0.1', port, method: 'POST', agent: false, headers, timeout: 30_000 },
      (response) =>
        response
          .on('error', () => {})
          .on('close', resolve)
          .resume(),
    )
    sent.on('timeout', () => sent.destroy())
    sent.on('error', () => resolve())
    sent.addTrailers({ 'x-end': '1' })
    sent.end('x')
  })
}

/** Answers every stream with metadata, its own message, and trailers. */
async function grpcServer(): Promise<Http2Server> {
  const server = createServer()
  server.on('stream', (stream) => {
    stream.on('error', () => {})
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
    stream.pipe(stream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

const OPTIONS = (protocol: string) => `typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: { ${protocol} }`

describe('hostile modules under load', () => {
  let grpc: Http2Server
  before(async () => {
    // The floods are written, to nowhere.
    mock.method(process.stderr, 'write', (...args: unknown[]) => {
      const done = args.at(-1)
      if (typeof done === 'function') done()
      return true
    })
    grpc = await grpcServer()
  })
  after(() => {
    mock.restoreAll()
    grpc.close()
  })

  /** In one proxy together: a thread starts in a second, a module in a hundredth of one. */
  const TOGETHER: Readonly<Record<string, (place: string) => boolean>> = {
    requests: (place) => /request|context/.test(place),
    'responses, and the end of streams': (place) => /on_response|log|done|delete/.test(place),
    'timers, queues and callouts': (place) => /tick|queue|call|grpc/.test(place),
  }
  for (const [name, holds] of Object.entries(TOGETHER)) {
    const places = Object.keys(PLACES).filter(holds)
    it(`${name}: ${places.join(', ')}`, async () => {
      const up = await upstream((request, response) => {
        response.setHeader('trailer', 'x-end')
        response.write(JSON.stringify(request.headers))
        response.addTrailers({ 'x-end': '1' })
        response.end()
      })
      // An upstream that closes an idle connection just as the proxy takes it loses a request in any proxy.
      up.server.keepAliveTimeout = 0
      const { port } = grpc.address() as AddressInfo
      const listeners: string[] = []
      const all = victims(places, (place, attack, name) => {
        const filters = [httpFilter(folder, name, victim(place, attack))]
        listeners.push(httpListener({ name, hcm: 'http_protocol_options: { enable_trailers: true }', filters }))
        // The first arms, or disarms, the context that comes with the second.
        const early = place === 'proxy_on_context_create'
        return {
          attack: async () => {
            if (early) await attacked(portOf(proxy, name))
            await attacked(portOf(proxy, name))
          },
          calm: async () => {
            if (early && attack.cause === undefined) await get(portOf(proxy, name)).catch(() => {})
            assert.equal((await get(portOf(proxy, name))).status, 200)
          },
        }
      })
      const proxy = await testProxy(
        [bystander(folder), ...listeners],
        [
          slowly(cluster(up.port, OPTIONS('http_protocol_options: { enable_trailers: true }'))),
          slowly(cluster(up.port, '', 'httpbin')),
          slowly(cluster(port, OPTIONS('http2_protocol_options: {}'), 'grpc')),
        ],
        { admin: { host: '127.0.0.1', port: 0 } },
      )
      try {
        await strike(proxy, all)
      } finally {
        await proxy.close()
        await up.close()
      }
    })
  }
})
