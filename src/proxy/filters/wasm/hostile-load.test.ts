/**
 * Hostile modules under load: while each class of attack runs in each of these callbacks of a running proxy with one data thread, no
 * request of another extension is lost, and each victim serves again.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import type { Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Attack } from '../../../wasm/testing/attacks.ts'
import { guest } from '../../../wasm/testing/wat-guest.ts'
import { cluster, get, httpListener, portOf, testProxy } from '../../testing.ts'
import {
  bystander,
  causeOf,
  grpcServer,
  httpFilter,
  muteFloods,
  OPTIONS,
  patient,
  QUEUE,
  slowly,
  strike,
  victims,
} from './testing/hostile.ts'

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

/** A request with `x-attack` arms the module, another disarms it. */
function victim(place: string, { code, also = '', noAllocator = false }: Attack): Uint8Array {
  const type = PLACES[place]
  const attack = `(if (i32.load (i32.const 8)) (then ${code}))`
  const arm = `(i32.store (i32.const 8) (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-attack") $slot0 $slot1)))
    (if (i32.load (i32.const 8)) (then ${causeOf(place)}))`
  const here = place === 'proxy_on_request_headers'
  return guest(
    `${also}
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
      ${QUEUE}
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

muteFloods()

describe('hostile modules under load', () => {
  let grpc: Http2Server
  before(async () => {
    grpc = await grpcServer()
  })
  after(() => grpc.close())

  /** In one proxy together: a thread starts in a second, a module in a hundredth of one. */
  const TOGETHER: Readonly<Record<string, (place: string) => boolean>> = {
    requests: (place) => /request|context/.test(place),
    'responses, and the end of streams': (place) => /on_response|log|done|delete/.test(place),
    'timers, queues and callouts': (place) => /tick|queue|call|grpc/.test(place),
  }
  for (const [name, holds] of Object.entries(TOGETHER)) {
    const places = Object.keys(PLACES).filter(holds)
    it(`${name}: ${places.join(', ')}`, async () => {
      const up = await patient((request, response) => {
        response.setHeader('trailer', 'x-end')
        response.write(JSON.stringify(request.headers))
        response.addTrailers({ 'x-end': '1' })
        response.end()
      })
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
