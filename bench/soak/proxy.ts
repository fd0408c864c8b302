/** The proxy under soak, with its control plane: configurations change all the time. Told about over IPC. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startProxy } from '../../src/proxy/index.ts'
import {
  anyYaml,
  cluster,
  clusterAny,
  extensionAny,
  FILTERS,
  httpListener,
  listenerAny,
  TestControl,
} from '../../src/proxy/testing.ts'
import { countingGuest } from '../../src/wasm/testing/counting-guest.ts'
import { guest } from '../../src/wasm/testing/wat-guest.ts'
import { TypeUrl } from '../../src/xds/index.ts'
import type { Crash } from './crash.ts'
import { ROUTES } from './requests.ts'

const PLUGIN = 'extensions.istio.io/trafficextension/ns.soak'
const SLOT = `{ name: ${PLUGIN}, config_discovery: { config_source: { ads: {}, resource_api_version: V3 }, type_urls: ["${FILTERS}.http.wasm.v3.Wasm"] } }`

/** Marks responses with its version. */
const plugin = (version: number) =>
  countingGuest(`(drop (call $proxy_add_header_map_value (i32.const 2) (s "x-soak") (s "${version}")))`)

/** Loops for ever or traps when the request says so. */
const HOSTILE = guest(`
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-loop") $slot0 $slot1)) (then (loop (br 0))))
    (if (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-trap") $slot0 $slot1)) (then unreachable))
    (i32.const 0))`)

const folder = mkdtempSync(join(tmpdir(), 'sluice-soak-'))
const file = (name: string, bytes: Uint8Array) => {
  const path = join(folder, `${name}.wasm`)
  writeFileSync(path, bytes)
  return path
}
const modules = [file('one', plugin(1)), file('two', plugin(2))]
const wasm = (name: string, path: string, more: string) =>
  `{ "@type": ${FILTERS}.http.wasm.v3.Wasm, config: { name: ${name}, ${more} vm_config: { runtime: envoy.wasm.runtime.v8, code: { local: { filename: "${path}" } } } } }`

const WORKERS = 2
const [good, refused, crashSeconds] = process.argv.slice(2).map(Number)
const control = new TestControl()
const proxy = await startProxy({ ads: control.transport, node: { id: 'test' }, workers: WORKERS, drainMs: 2000 })
control.set(TypeUrl.cluster, {
  up: clusterAny(
    cluster(
      good,
      'circuit_breakers: { thresholds: [{ max_requests: 100000, max_pending_requests: 100000, max_retries: 100000, max_connections: 100000 }] }',
    ),
  ),
  refused: clusterAny(cluster(refused, '', 'refused')),
})
const rds = 'codec_type: AUTO\nrds: { route_config_name: r, config_source: { ads: {}, resource_api_version: V3 } }'
const hostile = `{ name: hostile, typed_config: ${wasm('hostile', file('hostile', HOSTILE), 'failure_policy: FAIL_RELOAD, reload_config: { backoff: { base_interval: 0.02s } },')} }`
control.set(TypeUrl.listener, {
  web: listenerAny(httpListener({ hcm: rds, filters: [SLOT] })),
  hostile: listenerAny(httpListener({ name: 'hostile', filters: [hostile] })),
})

let version = 0
function change(): void {
  version++
  control.set(TypeUrl.route, {
    r: anyYaml(
      `{ "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration, name: r, response_headers_to_add: [{ header: { key: x-routes, value: "${version}" } }], virtual_hosts: [{ name: all, domains: ["*"], routes: [${ROUTES.join(', ')}] }] }`,
    ),
  })
  control.set(TypeUrl.extension, { [PLUGIN]: extensionAny(PLUGIN, wasm('soak', modules[version % 2], '')) })
  control.push()
}

change()
const [web, other] = await Promise.all([proxy.listening('web'), proxy.listening('hostile')])
process.send?.({ web: web.port, hostile: other.port })
process.on('message', async (what) => {
  if (what === 'stats') {
    const workers = await proxy.workers.query<{ gauges: Record<string, number> }>('stats')
    const gauges: Record<string, number> = {}
    for (const worker of workers) {
      for (const [name, value] of Object.entries(worker.gauges)) gauges[name] = (gauges[name] ?? 0) + value
    }
    process.send?.({ gauges, workers: [workers.length, WORKERS], crashes, version, nacks: control.nacks })
    return
  }
  await proxy.close(0)
  control.server.close()
  rmSync(folder, { recursive: true })
  process.exit(0)
})

/** Ends a data thread as a fault of its own would: without a word, in the middle of what it does. */
const crashes: Crash[] = []
async function crash(): Promise<void> {
  const connections = await proxy.workers.query<Record<string, number>>('connections')
  // Another one before the last has been replaced would leave nobody to serve.
  if (connections.length < WORKERS) return
  const thread = crashes.length % WORKERS
  const had = Object.values(connections[thread]).reduce((sum, count) => sum + count, 0)
  crashes.push({ at: Date.now(), thread, connections: had })
  await proxy.workers.kill(thread)
}

for (let next = Date.now() + crashSeconds * 1000; ; ) {
  await sleep(2000)
  change()
  if (Date.now() < next) continue
  next += crashSeconds * 1000
  // While the change is under way.
  await crash()
}
