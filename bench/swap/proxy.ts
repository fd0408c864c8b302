/** A proxy with one data thread whose plugin is swapped when its parent says so; answers with the longest stall of that thread. */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BroadcastChannel } from 'node:worker_threads'
import { startProxy } from '../../src/proxy/index.ts'
import {
  cluster,
  clusterAny,
  eventually,
  extensionAny,
  FILTERS,
  httpListener,
  listenerAny,
  TestControl,
  upstream,
} from '../../src/proxy/testing.ts'
import { TypeUrl } from '../../src/xds/index.ts'
import { generateModule } from '../lib/large-module.ts'
import type { Delays } from '../lib/loop-delays.ts'

const PLUGIN = 'extensions.istio.io/trafficextension/ns.swap'
const SLOT = `{ name: ${PLUGIN}, config_discovery: { config_source: { ads: {}, resource_api_version: V3 }, type_urls: ["${FILTERS}.http.wasm.v3.Wasm"] } }`
const [given, megabytes] = process.argv.slice(2)
const code = given === '' ? generateModule(Number(megabytes) * 2 ** 20) : readFileSync(given)
const folder = mkdtempSync(join(tmpdir(), 'sluice-swap-'))

/** The module with a custom section of its own, so that it is another one. */
function version(n: number): string {
  const text = Buffer.from(`version ${String(n).padStart(6, '0')}`)
  const path = join(folder, `${n}.wasm`)
  writeFileSync(path, Buffer.concat([code, Buffer.from([0, text.length + 2, 1, 0x76]), text]))
  return path
}

const questions = new BroadcastChannel('stall-questions')
const answers = new BroadcastChannel('stall-answers')
async function stall(): Promise<Delays> {
  const answer = new Promise<Delays>((resolve) => {
    answers.onmessage = ({ data }) => resolve(data as Delays)
  })
  questions.postMessage('')
  return answer
}

const up = await upstream()
const control = new TestControl()
const proxy = await startProxy({ ads: control.transport, node: { id: 'test' }, workers: 1 })
control.set(TypeUrl.cluster, { up: clusterAny(cluster(up.port)) })
control.set(TypeUrl.listener, { web: listenerAny(httpListener({ filters: [SLOT] })) })
let count = 0
async function swap(): Promise<number> {
  const acks = () => control.acks.filter((ack) => ack.startsWith('ecds')).length
  const before = acks()
  const begun = performance.now()
  const vm = `runtime: envoy.wasm.runtime.v8, code: { local: { filename: "${version(count++)}" } }`
  const config =
    '{ "@type": type.googleapis.com/google.protobuf.StringValue, value: "{\\"header\\":\\"x-a\\",\\"value\\":\\"b\\"}" }'
  control.set(TypeUrl.extension, {
    [PLUGIN]: extensionAny(
      PLUGIN,
      `{ "@type": ${FILTERS}.http.wasm.v3.Wasm, config: { name: swap, vm_config: { ${vm} }, configuration: ${config} } }`,
    ),
  })
  control.push()
  await eventually(() => acks() > before || control.nacks.length > 0, 'the answer to the module', 60_000)
  if (control.nacks.length > 0) throw new Error(control.nacks[0].error)
  return performance.now() - begun
}

await swap()
const { port } = await proxy.listening('web')
process.send?.({ port })
for (;;) {
  const [what] = (await once(process, 'message')) as ['swap' | 'look' | 'end']
  if (what === 'end') break
  const ms = what === 'swap' ? await swap() : 0
  process.send?.({ ms, stall: await stall() })
}
await proxy.close(0)
control.server.close()
await up.close()
rmSync(folder, { recursive: true })
process.exit(0)
