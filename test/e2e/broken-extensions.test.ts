import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import wabt from 'wabt'
import { KubeApiError, KubeClient, type KubeObject, loadKubeConfig } from '../../src/kube/index.ts'
import { pushWasmImage, type RegistryServer, startRegistry } from '../../src/oci/index.ts'
import { TRAFFIC_EXTENSIONS } from '../../src/resources/types.ts'
import { eventually, Instance } from './instance.ts'

/** What a proxy answers where a module that may not be missing is missing: Istio's fallback is an RBAC filter that denies. */
const DENIED = 403

interface Broken {
  readonly name: string
  /** `spec.wasm`, or the whole spec. */
  readonly wasm?: Record<string, unknown>
  readonly spec?: Record<string, unknown>
  /** The condition that turns False, its reason, and what its message tells. */
  readonly condition: string
  readonly reason: string
  readonly message: RegExp
  /** What requests see with FAIL_CLOSE. With FAIL_OPEN it is always 200. */
  readonly closed: number
}

const MODULES = {
  'no-abi': '(module (memory (export "memory") 1) (func (export "malloc") (param i32) (result i32) i32.const 8))',
  'missing-import': `(module (import "env" "proxy_brew_coffee" (func (param i32) (result i32)))
    (memory (export "memory") 1) (func (export "malloc") (param i32) (result i32) i32.const 8)
    (func (export "proxy_abi_version_0_2_1")))`,
  'start-trap': `(module (memory (export "memory") 1) (func (export "malloc") (param i32) (result i32) i32.const 8)
    (func (export "proxy_abi_version_0_2_1")) (func (export "_start") unreachable))`,
  'refuses-config': `(module (memory (export "memory") 1) (func (export "malloc") (param i32) (result i32) i32.const 8)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 0))`,
}

let instance: Instance
let client: KubeClient
let locked: RegistryServer
let work: string

before(async () => {
  work = mkdtempSync(join(tmpdir(), 'sluice-broken-'))
  instance = await Instance.start()
  client = new KubeClient(loadKubeConfig(join(instance.home, 'kubeconfig')))
  locked = await startRegistry({
    dir: join(work, 'locked'),
    port: 0,
    auth: { users: { somebody: 'secret' } },
  })
  const compiler = await wabt()
  for (const [name, text] of Object.entries(MODULES)) {
    const wasm = compiler.parseWat(`${name}.wat`, text).toBinary({}).buffer
    await pushWasmImage({ ref: `127.0.0.1:${instance.ports['registry']}/test/${name}:1`, wasm })
  }
})

after(async () => {
  client?.close()
  await locked?.close()
  await instance?.[Symbol.asyncDispose]()
  rmSync(work, { recursive: true, force: true })
})

const BASIC_AUTH = 'oci://ghcr.io/istio-ecosystem/wasm-extensions/basic_auth:1.12.0'
const local = (path: string) => `oci://127.0.0.1:${instance.ports['registry']}/${path}`

/** A function, because the addresses are known only when the instance runs. */
const table = (): Broken[] => [
  {
    name: 'a host that does not exist',
    wasm: { url: 'oci://registry.invalid/nothing:1' },
    condition: 'ModuleReady',
    reason: 'Unreachable',
    message: /SL3003.*registry\.invalid/,
    closed: DENIED,
  },
  {
    name: 'an image that is not there',
    wasm: { url: local('test/nothing:1') },
    condition: 'ModuleReady',
    reason: 'ModuleNotFound',
    message: /SL3006.*test\/nothing/,
    closed: DENIED,
  },
  {
    name: 'a registry that asks for credentials',
    wasm: { url: `oci://${locked.address}/test/nothing:1` },
    condition: 'ModuleReady',
    reason: 'Unauthorized',
    message: /SL3004/,
    closed: DENIED,
  },
  {
    name: 'a wrong sha256',
    wasm: { url: BASIC_AUTH, sha256: '0'.repeat(64) },
    condition: 'ModuleReady',
    reason: 'ChecksumMismatch',
    message: /SL3011.*has checksum [0-9a-f]{64}.*0{64}/,
    closed: DENIED,
  },
  {
    name: 'a page in place of a module',
    wasm: { url: `http://127.0.0.1:${instance.ports['monitoring']}/metrics` },
    condition: 'ModuleReady',
    reason: 'NotWasm',
    message: /SL3021/,
    closed: DENIED,
  },
  {
    name: 'a module that speaks no known ABI',
    wasm: { url: local('test/no-abi:1') },
    condition: 'ModuleReady',
    reason: 'UnknownAbi',
    message: /SL4003.*proxy_abi_version/,
    closed: DENIED,
  },
  {
    name: 'an import that no host has',
    wasm: { url: local('test/missing-import:1') },
    condition: 'ModuleReady',
    reason: 'MissingImport',
    message: /SL4004.*env\.proxy_brew_coffee/,
    closed: DENIED,
  },
  {
    name: 'a trap at the start',
    wasm: { url: local('test/start-trap:1') },
    condition: 'ModuleReady',
    reason: 'StartFailed',
    message: /SL4009.*unreachable/,
    closed: DENIED,
  },
  {
    name: 'a module that refuses any configuration',
    wasm: { url: local('test/refuses-config:1'), pluginConfig: { a: 1 } },
    condition: 'ModuleReady',
    reason: 'ConfigRefused',
    message: /SL4011/,
    closed: DENIED,
  },
  {
    name: 'a pluginConfig that the extension does not take',
    wasm: { url: BASIC_AUTH, pluginConfig: { basic_auth_rules: [{ prefix: '/', request_methods: 'GET' }] } },
    condition: 'ModuleReady',
    reason: 'ConfigRefused',
    message: /SL4011.*request_methods|request methods/,
    closed: DENIED,
  },
  {
    name: 'a selector that fits nothing',
    spec: { selector: { matchLabels: { istio: 'nobody' } }, wasm: { url: BASIC_AUTH } },
    condition: 'Programmed',
    reason: 'NoMatchingProxies',
    message: /no connected proxy/,
    closed: 200,
  },
]

const GATEWAY = { matchLabels: { istio: 'ingressgateway' } }

test('eleven kinds of broken extension: reason in status, traffic by failStrategy', async (t) => {
  for (const broken of table()) {
    for (const failStrategy of ['FAIL_CLOSE', 'FAIL_OPEN'] as const) {
      await t.test(`${broken.name}, ${failStrategy}`, async () => {
        const spec = broken.spec ?? { selector: GATEWAY, wasm: { ...broken.wasm, failStrategy } }
        const name = 'broken'
        await client.create(TRAFFIC_EXTENSIONS, extension(name, spec))
        const want = failStrategy === 'FAIL_OPEN' ? 200 : broken.closed
        try {
          const condition = await eventually(`${broken.condition} of ${broken.name}`, async () => {
            const object = await client.get<KubeObject>(TRAFFIC_EXTENSIONS, name, 'istio-system')
            const found = object['status']?.conditions?.find((one: { type: string }) => one.type === broken.condition)
            return found?.status === 'False' ? found : undefined
          })
          assert.equal(condition.reason, broken.reason, condition.message)
          assert.match(condition.message, broken.message)
          await eventually(`${want} for traffic`, async () =>
            (await instance.status('/productpage')) === want ? want : undefined,
          )
          assert.equal(await instance.status('/productpage'), want)
        } finally {
          await client.delete(TRAFFIC_EXTENSIONS, { name, namespace: 'istio-system' })
          await eventually('open again', async () =>
            (await instance.status('/productpage')) === 200 ? 200 : undefined,
          )
        }
      })
    }
  }
})

test('the twelfth: both wasm and lua is refused by the API', async () => {
  const spec = { selector: GATEWAY, wasm: { url: BASIC_AUTH }, lua: { inlineCode: '-- nothing' } }
  await assert.rejects(client.create(TRAFFIC_EXTENSIONS, extension('both', spec)), (error) => {
    assert.ok(error instanceof KubeApiError)
    assert.equal(error.status.code, 422)
    assert.match(error.message, /exactly one of wasm or lua must be set/)
    return true
  })
})

function extension(name: string, spec: Record<string, unknown>): KubeObject {
  const object = { metadata: { name, namespace: 'istio-system' }, spec }
  return { apiVersion: 'extensions.istio.io/v1alpha1', kind: 'TrafficExtension', ...structuredClone(object) }
}
