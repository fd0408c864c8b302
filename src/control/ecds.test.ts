/** Istio's TestECDSGenerate (pilot/pkg/xds/ecds_test.go) and TestTrafficExtensions (push_context_test.go), by name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { DiscoveryRequestSchema } from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import type { KubeObject } from '../kube/index.ts'
import { AdsServer, memoryTransport, TypeUrl, unpackToJson } from '../xds/index.ts'
import { settle } from '../xds/testing.ts'
import { Packer } from './envoy/config.ts'
import { generate } from './generate.ts'
import { meshOf } from './model/mesh.ts'
import { workload } from './testing.ts'

const LABELS = { istio: 'ingressgateway' }
const PROXY = workload({ namespace: 'default', labels: LABELS })
const SECRET_TYPE = 'kubernetes.io/dockerconfigjson'

const GATEWAY: KubeObject = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'Gateway',
  metadata: { name: 'gw', namespace: 'default' },
  spec: { selector: LABELS, servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }] },
}

interface PluginOptions {
  readonly kind?: 'WasmPlugin' | 'TrafficExtension'
  readonly namespace?: string
  readonly secret?: string
  readonly selector?: Record<string, string>
  readonly url?: string
  readonly match?: object[]
  readonly type?: string
}

function plugin(name: string, options: PluginOptions = {}): KubeObject {
  const { kind = 'TrafficExtension', namespace = 'default', secret, selector, url = 'oci://x/y', match, type } = options
  const wasm = { url, imagePullSecret: secret, type }
  const common = { match, selector: selector === undefined ? undefined : { matchLabels: selector } }
  const metadata = { name, namespace, resourceVersion: '1' }
  const spec = kind === 'WasmPlugin' ? { ...wasm, ...common } : { wasm, ...common }
  return { apiVersion: 'extensions.istio.io/v1alpha1', kind, metadata, spec }
}

function secret(name: string, content: string, { namespace = 'default', type = SECRET_TYPE } = {}): KubeObject {
  const data = { '.dockerconfigjson': Buffer.from(content).toString('base64') }
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type, data }
}

const PREFIX = 'extensions.istio.io/trafficextension/'
const TRANSLATED = '~istio-translated-wasmplugin'

/** A proxy that watches these names, fed with one state of the mesh after the other. */
async function watch(names: string[]) {
  const ads = new AdsServer()
  const packer = new Packer()
  const got: Record<string, string | undefined>[] = []
  let version = 0
  const set = async (...objects: KubeObject[]) => {
    ads.setSnapshot(PROXY.nodeId, generate(meshOf([GATEWAY, ...objects]), PROXY, packer).resources, String(++version))
    await settle()
    return got.splice(0).at(-1)
  }
  const stream = memoryTransport(ads).connect()
  stream.onMessage((response) => {
    const pushed: Record<string, string | undefined> = {}
    for (const resource of response.resources) {
      // biome-ignore lint/suspicious/noExplicitAny: JSON looked into by the assertions
      const config = unpackToJson(resource) as any
      const env = config.typed_config.config.vm_config.environment_variables.key_values
      pushed[config.name.slice(PREFIX.length)] = env.ISTIO_META_WASM_IMAGE_PULL_SECRET
    }
    got.push(pushed)
    const { typeUrl, nonce } = response
    stream.send(create(DiscoveryRequestSchema, { typeUrl, responseNonce: nonce, resourceNames: ask }))
  })
  const ask = names.map((name) => PREFIX + name)
  stream.send(
    create(DiscoveryRequestSchema, { node: { id: PROXY.nodeId }, typeUrl: TypeUrl.extension, resourceNames: ask }),
  )
  await settle()
  return set
}

for (const kind of ['TrafficExtension', 'WasmPlugin'] as const) {
  const suffix = kind === 'WasmPlugin' ? TRANSLATED : ''
  const label = kind === 'WasmPlugin' ? '' : 'extensionfilter_'
  const name = (base: string) => base + suffix

  test(`TestECDSGenerate: ${label}simple`, async () => {
    const set = await watch([name('default.a')])
    assert.deepEqual(await set(plugin('a', { kind })), { [name('default.a')]: undefined })
  })

  test(`TestECDSGenerate: ${label}simple_with_secret`, async () => {
    const set = await watch([name('default.a')])
    const pushed = await set(plugin('a', { kind, secret: 's' }), secret('s', 'content'))
    assert.deepEqual(pushed, { [name('default.a')]: 'content' })
  })

  test(`TestECDSGenerate: ${label}miss_secret, wrong_secret_type, secret of another namespace`, async () => {
    const set = await watch([name('default.a')])
    const wanted = { [name('default.a')]: '' }
    assert.deepEqual(await set(plugin('a', { kind, secret: 's' })), wanted)
    const again = await watch([name('default.a')])
    assert.deepEqual(await again(plugin('a', { kind, secret: 's' }), secret('s', 'x', { type: 'Opaque' })), wanted)
    const other = await watch([name('default.a')])
    const elsewhere = secret('s', 'x', { namespace: 'istio-system' })
    assert.deepEqual(await other(plugin('a', { kind, secret: 's' }), elsewhere), wanted)
  })

  test(`TestECDSGenerate: ${label}root_and_default, only_root`, async () => {
    const names = [name('default.a'), name('istio-system.b')]
    const objects = [
      plugin('a', { kind, secret: 's' }),
      plugin('b', { kind, namespace: 'istio-system', secret: 'r' }),
      secret('s', 'own'),
      secret('r', 'root', { namespace: 'istio-system' }),
    ]
    assert.deepEqual(await (await watch(names))(...objects), { [names[0]]: 'own', [names[1]]: 'root' })
    assert.deepEqual(await (await watch([names[1]]))(...objects), { [names[1]]: 'root' })
  })

  test(`TestECDSGenerate: ${label}no_relevant_config_update, has_relevant_config_update`, async () => {
    const set = await watch([name('default.a')])
    await set(plugin('a', { kind }))
    assert.equal(await set(plugin('a', { kind }), plugin('other', { kind })), undefined)
    const edited = plugin('a', { kind, url: 'oci://x/z' })
    assert.deepEqual(await set(edited), { [name('default.a')]: undefined })
  })

  test(`TestECDSGenerate: ${label}(non_)relevant_secret_update, multi_update_secret`, async () => {
    const set = await watch([name('default.a'), name('default.b')])
    const objects = [plugin('a', { kind, secret: 's' }), plugin('b', { kind, secret: 't' }), secret('t', 'two')]
    await set(...objects, secret('s', 'one'))
    assert.equal(await set(...objects, secret('s', 'one'), secret('u', 'new')), undefined, 'non_relevant_secret_update')
    assert.deepEqual(await set(...objects, secret('s', 'changed')), { [name('default.a')]: 'changed' })
  })
}

test('TestECDSGenerate: mixed, both kinds of one name', async () => {
  const set = await watch(['default.a', `default.a${TRANSLATED}`])
  const pushed = await set(plugin('a'), plugin('a', { kind: 'WasmPlugin' }))
  assert.deepEqual(Object.keys(pushed ?? {}).sort(), ['default.a', `default.a${TRANSLATED}`])
})

/** Istio's TestTrafficExtensions: what a proxy takes at all. */
const TAKEN: [string, KubeObject, ReturnType<typeof workload>, boolean][] = [
  ['nomatch', plugin('x', { selector: { app: 'other' } }), PROXY, false],
  ['ingress', plugin('x', { selector: LABELS }), PROXY, true],
  ['ingress, of the root namespace', plugin('x', { namespace: 'istio-system', selector: LABELS }), PROXY, true],
  ['testns-2', plugin('x', { namespace: 'testns-2', selector: LABELS }), PROXY, false],
  ['ingress-network', plugin('x', { type: 'NETWORK' }), PROXY, true],
  ['port match', plugin('x', { match: [{ ports: [{ number: 80 }] }] }), PROXY, true],
  ['port mismatch', plugin('x', { match: [{ ports: [{ number: 1234 }] }] }), PROXY, false],
  ['invalid', plugin('x', { url: 'ftp://x' }), PROXY, false],
]

for (const [name, object, proxy, expected] of TAKEN) {
  test(`TestTrafficExtensions: ${name}`, () => {
    const { extensions, resources } = generate(meshOf([GATEWAY, object]), proxy, new Packer())
    assert.equal(extensions.length, expected ? 1 : 0)
    assert.equal(resources[TypeUrl.extension]?.size, expected ? 1 : 0)
  })
}

test('one object that does not fit Envoy holds back nothing else, and its last good state stays', () => {
  const packer = new Packer()
  const good = generate(meshOf([GATEWAY, plugin('a'), plugin('b')]), PROXY, packer)
  const bad = plugin('b')
  bad['spec'].wasm.sha256 = 7
  const { resources, broken } = generate(
    meshOf([GATEWAY, plugin('a', { url: 'oci://new/a' }), bad]),
    PROXY,
    packer,
    good.resources,
  )
  const before = good.resources[TypeUrl.extension]
  const after = resources[TypeUrl.extension]
  assert.deepEqual(
    broken.map(({ name }) => name),
    [`${PREFIX}default.b`],
  )
  assert.match(broken[0].message, /sha256/)
  assert.equal(after?.get(`${PREFIX}default.b`), before?.get(`${PREFIX}default.b`))
  assert.notEqual(after?.get(`${PREFIX}default.a`), before?.get(`${PREFIX}default.a`))
})

test('a proxy on another machine gets no secrets in plain text, and it is told', () => {
  const remote = { ...PROXY, mayHaveSecrets: false }
  const objects = [GATEWAY, plugin('a', { secret: 's' }), secret('s', 'content')]
  const { resources, problems } = generate(meshOf(objects), remote, new Packer())
  const [resource] = resources[TypeUrl.extension]?.values() ?? []
  assert.doesNotMatch(JSON.stringify(unpackToJson(resource)), /content/)
  assert.match(problems.join(), /secrets are not sent/)
})
