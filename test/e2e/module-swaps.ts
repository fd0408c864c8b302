import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import wabt from 'wabt'
import { KubeClient, type KubeObject, loadKubeConfig } from '../../src/kube/index.ts'
import { pushWasmImage } from '../../src/oci/index.ts'
import { TRAFFIC_EXTENSIONS } from '../../src/resources/types.ts'
import { Instance } from './instance.ts'
import { Load, type Tally } from './load.ts'

const NAME = { name: 'swapped', namespace: 'istio-system' }

/** Adds `x-module: <version>` to responses. */
const moduleOf = (version: string) => `(module
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 16) "x-module${version}")
  (func (export "malloc") (param i32) (result i32) i32.const 1024)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
    (drop (call $add (i32.const 2) (i32.const 16) (i32.const 8) (i32.const 24) (i32.const 1)))
    i32.const 0))`

/** What {@link swapModules} saw. */
export interface Swaps extends Tally {
  /** From the change of the object until a response came from the other module. */
  readonly latenciesMs: readonly number[]
}

/** Swaps the module of an extension for its other version, `count` times, with load on the gateway all the while. */
export async function swapModules(count: number, connections: number, onSwap?: (done: number) => void): Promise<Swaps> {
  await using instance = await Instance.start()
  const client = new KubeClient(loadKubeConfig(join(instance.home, 'kubeconfig')))
  const compiler = await wabt()
  const image = (version: string) => `127.0.0.1:${instance.ports['registry']}/bench/swapped:${version}`
  for (const version of ['1', '2']) {
    await pushWasmImage({
      ref: image(version),
      wasm: compiler.parseWat('module.wat', moduleOf(version)).toBinary({}).buffer,
    })
  }
  // One hop behind the gateway, so that the time is the swap's and not Bookinfo's.
  const url = `http://127.0.0.1:${instance.ports['http']}/api/v1/products`
  const spec = (version: string) => ({
    selector: { matchLabels: { istio: 'ingressgateway' } },
    wasm: { url: `oci://${image(version)}` },
  })
  const object: KubeObject = {
    apiVersion: 'extensions.istio.io/v1alpha1',
    kind: 'TrafficExtension',
    metadata: NAME,
    spec: spec('1'),
  }
  await client.create(TRAFFIC_EXTENSIONS, object)
  const load = new Load(url, connections)
  const runs = async (version: string): Promise<number> => {
    const seen = load.firstThat((_, headers) => headers['x-module'] === version)
    const late = new AbortController()
    const never = sleep(60_000, undefined, { signal: late.signal }).then(() => {
      throw new Error(`no response from module ${version} within 60 s`)
    })
    try {
      return await Promise.race([seen, never])
    } finally {
      late.abort()
      never.catch(() => {})
    }
  }
  const latenciesMs: number[] = []
  try {
    await runs('1')
    for (let done = 1; done <= count; done++) {
      const version = done % 2 === 1 ? '2' : '1'
      const began = performance.now()
      const seen = runs(version)
      await client.patch(TRAFFIC_EXTENSIONS, NAME, 'merge', { spec: spec(version) })
      latenciesMs.push((await seen) - began)
      onSwap?.(done)
    }
  } finally {
    await load.stop()
    client.close()
  }
  return { ...load.tally, latenciesMs }
}
