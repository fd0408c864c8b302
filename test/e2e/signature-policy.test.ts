import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import wabt from 'wabt'
import { KubeClient, type KubeObject, loadKubeConfig } from '../../src/kube/index.ts'
import { HttpTransport, parseReference, pushWasmImage, RegistryClient, signImage } from '../../src/oci/index.ts'
import { SIGNATURE_POLICIES, TRAFFIC_EXTENSIONS } from '../../src/resources/types.ts'
import { eventually, Instance } from './instance.ts'

const MODULE = `(module (memory (export "memory") 1) (func (export "malloc") (param i32) (result i32) i32.const 8)
  (func (export "proxy_abi_version_0_2_1")))`

function keys() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    public: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    private: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

const trusted = keys()
const other = keys()
const transport = new HttpTransport()
let instance: Instance
let client: KubeClient
let wasm: Uint8Array

before(async () => {
  instance = await Instance.start()
  client = new KubeClient(loadKubeConfig(join(instance.home, 'kubeconfig')))
  wasm = (await wabt()).parseWat('module.wat', MODULE).toBinary({}).buffer
})

after(async () => {
  transport.close()
  client?.close()
  await instance?.[Symbol.asyncDispose]()
})

const registry = () => `127.0.0.1:${instance.ports['registry']}`

/** Pushes an image of its own and signs it. */
async function image(name: string, privateKey?: string): Promise<string> {
  const ref = `${registry()}/policy/${name}:1`
  const { digest } = await pushWasmImage({ ref, wasm, annotations: { name } })
  if (privateKey !== undefined) await signImage(new RegistryClient(parseReference(ref), transport), digest, privateKey)
  return ref
}

async function apply(name: string, url: string, failStrategy: string): Promise<void> {
  const spec = { selector: { matchLabels: { istio: 'ingressgateway' } }, wasm: { url: `oci://${url}`, failStrategy } }
  const metadata = { name, namespace: 'istio-system' }
  await client.create(TRAFFIC_EXTENSIONS, {
    apiVersion: 'extensions.istio.io/v1alpha1',
    kind: 'TrafficExtension',
    metadata,
    spec,
  })
}

async function moduleReady(name: string, status: string): Promise<{ reason: string; message: string }> {
  return await eventually(`ModuleReady ${status} of ${name}`, async () => {
    const object = await client.get<KubeObject>(TRAFFIC_EXTENSIONS, name, 'istio-system')
    const found = object['status']?.conditions?.find((one: { type: string }) => one.type === 'ModuleReady')
    return found?.status === status ? found : undefined
  })
}

async function require(rule: object, namespace = 'istio-system'): Promise<AsyncDisposable> {
  const metadata = { name: 'signed', namespace }
  await client.create(SIGNATURE_POLICIES, {
    apiVersion: 'extensions.sluice.dev/v1alpha1',
    kind: 'SignaturePolicy',
    metadata,
    spec: { rules: [{ keys: [trusted.public], ...rule }] },
  })
  return { [Symbol.asyncDispose]: () => client.delete(SIGNATURE_POLICIES, metadata).then(() => {}) }
}

async function gone(name: string): Promise<void> {
  await client.delete(TRAFFIC_EXTENSIONS, { name, namespace: 'istio-system' })
  await traffic(200)
}

const traffic = (status: number) =>
  eventually(`${status} for traffic`, async () =>
    (await instance.status('/productpage')) === status ? status : undefined,
  )

for (const [failStrategy, status] of [
  ['FAIL_CLOSE', 403],
  ['FAIL_OPEN', 200],
] as const) {
  test(`a policy refuses what is unsigned or signed by another key, ${failStrategy}`, async () => {
    await using _ = await require({ prefix: registry() })
    for (const [name, key, reason] of [
      ['unsigned', undefined, 'NotSigned'],
      ['other', other.private, 'SignatureMismatch'],
    ] as const) {
      await apply('policed', await image(`${name}-${failStrategy.toLowerCase().replace('_', '-')}`, key), failStrategy)
      const condition = await moduleReady('policed', 'False')
      assert.equal(condition.reason, reason, condition.message)
      assert.match(condition.message, /signature policy istio-system\/signed/)
      await traffic(status)
      await gone('policed')
    }
  })
}

test('a policy lets pass what is signed by its key', async () => {
  await using _ = await require({ prefix: registry() })
  await apply('policed', await image('trusted', trusted.private), 'FAIL_CLOSE')
  await moduleReady('policed', 'True')
  await traffic(200)
  await gone('policed')
})

test('a module that runs goes when a policy comes that it does not satisfy, and returns when the policy goes', async () => {
  await apply('policed', await image('running'), 'FAIL_CLOSE')
  await moduleReady('policed', 'True')
  {
    await using _ = await require({ namespaces: ['istio-system'] })
    assert.equal((await moduleReady('policed', 'False')).reason, 'NotSigned')
    await traffic(403)
  }
  await moduleReady('policed', 'True')
  await traffic(200)
  await gone('policed')
})

test('a module that runs and is signed is not disturbed by a policy', async () => {
  await apply('policed', await image('calm', trusted.private), 'FAIL_CLOSE')
  await moduleReady('policed', 'True')
  await using _ = await require({ prefix: '*' })
  for (let i = 0; i < 50; i++) assert.equal(await instance.status('/productpage'), 200)
  await moduleReady('policed', 'True')
  await gone('policed')
})

test('a policy that warns says so in the status, and the module runs', async () => {
  await using _ = await require({ prefix: registry(), mode: 'Warn' })
  await apply('policed', await image('warned'), 'FAIL_CLOSE')
  const { message } = await moduleReady('policed', 'True')
  assert.match(message, /warning: the module is not signed.*signature policy istio-system\/signed/)
  await traffic(200)
  await gone('policed')
})

test('a policy of another namespace has no say', async () => {
  await using _ = await require({ prefix: '*' }, 'default')
  await apply('policed', await image('elsewhere'), 'FAIL_CLOSE')
  await moduleReady('policed', 'True')
  await gone('policed')
})
