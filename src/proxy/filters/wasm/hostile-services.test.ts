/** Hostile modules under load as services, on the data thread and on the thread beside it, in each callback that a service has. */
import { mkdtempSync, rmSync } from 'node:fs'
import type { Http2Server } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Attack } from '../../../wasm/testing/attacks.ts'
import { guest } from '../../../wasm/testing/wat-guest.ts'
import { cluster, testProxy } from '../../testing.ts'
import {
  bystander,
  callback,
  causeOf,
  grpcServer,
  muteFloods,
  OPTIONS,
  patient,
  pluginConfig,
  QUEUE,
  slowly,
  strike,
  victims,
} from './testing/hostile.ts'

const folder = mkdtempSync(join(tmpdir(), 'wasm-hostile-'))
after(() => rmSync(folder, { recursive: true }))
muteFloods()

const TYPE = 'type.googleapis.com/envoy.extensions.wasm.v3.WasmService'
const TICK = 'proxy_on_tick'
const PLACES: Readonly<Record<string, string>> = {
  [TICK]: '(param i32)',
  proxy_on_queue_ready: '(param i32 i32)',
  proxy_on_http_call_response: '(param i32 i32 i32 i32 i32)',
  proxy_on_grpc_receive_initial_metadata: '(param i32 i32 i32)',
  proxy_on_grpc_receive: '(param i32 i32 i32)',
  proxy_on_grpc_receive_trailing_metadata: '(param i32 i32 i32)',
  proxy_on_grpc_close: '(param i32 i32 i32)',
}

/** Strikes at its third tick, when the load runs, or makes its other callback come then. A VM that comes back does it again. */
function service(place: string, attack: Attack): Uint8Array {
  const third = `(i32.store (i32.const 40) (i32.add (i32.load (i32.const 40)) (i32.const 1)))
    (if (i32.eq (i32.load (i32.const 40)) (i32.const 3)) (then (i32.store (i32.const 8) (i32.const 1)) ${causeOf(place)}))`
  const code =
    place === TICK
      ? callback(TICK, PLACES[TICK], attack, `(i32.store (i32.const 8) (i32.const 0)) ${third}`)
      : `(func (export "${TICK}") ${PLACES[TICK]} ${third}) ${callback(place, PLACES[place], attack)}`
  return guest(
    `${attack.also ?? ''}
    (func (export "proxy_on_configure") (param i32 i32) (result i32)
      ${QUEUE} (drop (call $proxy_set_tick_period_milliseconds (i32.const 100))) (i32.const 1))
    ${code}`,
    { noAllocator: attack.noAllocator ?? false },
  )
}

describe('hostile services under load', () => {
  let grpc: Http2Server
  before(async () => {
    grpc = await grpcServer()
  })
  after(() => grpc.close())

  for (const singleton of [false, true]) {
    for (const places of [[TICK], Object.keys(PLACES).filter((place) => place !== TICK)]) {
      it(`${singleton ? 'single' : 'on the data thread'}: ${places.join(', ')}`, async () => {
        const up = await patient()
        const { port } = grpc.address() as AddressInfo
        const services: string[] = []
        const all = victims(places, (place, attack, name) => {
          const config = pluginConfig(folder, name, service(place, attack))
          services.push(
            `{ name: envoy.bootstrap.wasm, typed_config: { "@type": ${TYPE}, singleton: ${singleton}, config: ${config} } }`,
          )
          return { attack: async () => {}, calm: async () => {} }
        })
        const proxy = await testProxy(
          [bystander(folder)],
          [
            slowly(cluster(up.port)),
            slowly(cluster(up.port, '', 'httpbin')),
            slowly(cluster(port, OPTIONS('http2_protocol_options: {}'), 'grpc')),
          ],
          { admin: { host: '127.0.0.1', port: 0 } },
          `bootstrap_extensions: [${services.join(', ')}]`,
        )
        try {
          await strike(proxy, all)
        } finally {
          await proxy.close()
          await up.close()
        }
      })
    }
  }
})
