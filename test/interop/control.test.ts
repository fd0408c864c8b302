/** The control plane between a real API server and a client of its xDS port: from apply to config, and back to status. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { create } from '@bufbuild/protobuf'
import { parseAllDocuments } from 'yaml'
import { NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.ts'
import { DiscoveryRequestSchema } from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { startApiServer } from '../../src/apiserver/index.ts'
import { startControl } from '../../src/control/index.ts'
import { Kinds } from '../../src/control/kinds.ts'
import {
  type Condition,
  KubeClient,
  type KubeObject,
  parseKubeConfig,
  type ResourceType,
} from '../../src/kube/index.ts'
import { Registry } from '../../src/telemetry/metrics.ts'
import { grpcTransport } from '../../src/xds/grpc-transport.ts'
import {
  AdsClient,
  type AdsStream,
  type AdsTransport,
  type ExtensionReport,
  type RejectedResource,
  reportRequest,
  TypeUrl,
} from '../../src/xds/index.ts'
import { within } from '../within.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const closers: (() => unknown)[] = []
after(async () => {
  for (const close of closers.reverse()) await close()
})

const api = await startApiServer({ dataDir: ':memory:', host: '127.0.0.1', port: 0, crdDirs: [`${root}deploy/crds`] })
closers.push(() => api.close())
const kube = new KubeClient(parseKubeConfig(api.kubeconfig))
closers.push(() => kube.close())
const metrics = new Registry()
const control = await startControl({
  kube,
  host: '127.0.0.1',
  xdsPort: 0,
  rootNamespace: 'istio-system',
  clusterDomain: 'cluster.local',
  registry: metrics,
})
closers.push(() => control.close())

const TYPES: Record<string, ResourceType> = {
  ...Object.fromEntries(Object.values(Kinds).map((type) => [`${type.group}/${type.kind}`, type])),
  'apps/Deployment': { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true },
  '/ServiceAccount': { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true },
}

async function apply(object: KubeObject): Promise<void> {
  const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] : ''
  const type = TYPES[`${group}/${object.kind}`]
  if (type.namespaced) object.metadata.namespace ??= 'default'
  await kube.apply(type, object, 'test')
}

async function applyFile(path: string): Promise<void> {
  for (const document of parseAllDocuments(readFileSync(root + path, 'utf8'))) await apply(document.toJS())
}

/** A gateway that answers as told, and an agent that reports as told. */
class Gateway {
  readonly client: AdsClient
  readonly got = new Map<string, string[]>()
  refuse: (name: string) => string | undefined = () => undefined
  readonly #reports = new Map<string, ExtensionReport>()
  #stream: AdsStream | undefined

  constructor(id: string, namespace: string, labels: Record<string, string>) {
    const transport = grpcTransport(`127.0.0.1:${control.xdsPort}`)
    const spying: AdsTransport = {
      ...transport,
      connect: () => {
        this.#stream = transport.connect()
        return this.#stream
      },
    }
    const node = create(NodeSchema, { id, metadata: { LABELS: labels, NAMESPACE: namespace } })
    this.client = new AdsClient({ transport: spying, node })
    for (const typeUrl of [TypeUrl.cluster, TypeUrl.listener, TypeUrl.extension]) {
      this.client.handle(typeUrl, (resources): RejectedResource[] => {
        this.got.set(
          typeUrl,
          resources.map(({ name }) => name),
        )
        if (typeUrl === TypeUrl.listener)
          this.#askFor(resources.map(({ resource }) => Buffer.from(resource.value).toString()))
        return resources
          .map(({ name }) => ({ name, reason: this.refuse(name) ?? '' }))
          .filter(({ reason }) => reason !== '')
      })
    }
    this.client.subscribe(TypeUrl.cluster)
    this.client.subscribe(TypeUrl.listener)
    this.client.start()
  }

  /** Each report holds all states. */
  report(report: ExtensionReport): void {
    this.#reports.set(report.name, report)
    this.#stream?.send(reportRequest([...this.#reports.values()]))
  }

  #askFor(listeners: string[]): void {
    const names = listeners.flatMap((text) => text.match(/extensions\.istio\.io\/trafficextension\/[\w.~-]+/g) ?? [])
    const gone = [...this.client.subscribed(TypeUrl.extension)].filter((name) => !names.includes(name))
    this.client.unsubscribe(TypeUrl.extension, gone)
    if (names.length > 0) this.client.subscribe(TypeUrl.extension, names)
  }
}

async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined, ms = 3000): Promise<T> {
  const deadline = Date.now() + ms
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`${what} did not happen`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function trafficExtension(name: string, spec: object): KubeObject {
  return {
    apiVersion: 'extensions.istio.io/v1alpha1',
    kind: 'TrafficExtension',
    metadata: { name, namespace: 'istio-system' },
    spec,
  }
}

async function conditions(name: string): Promise<Record<string, Condition>> {
  const object = await kube.get<KubeObject>(Kinds.trafficExtension, name, 'istio-system')
  const list: Condition[] = object['status']?.conditions ?? []
  return Object.fromEntries(list.map((condition) => [condition.type, condition]))
}

/** Waits for the summary to come to this reason. */
function reason(name: string, wanted: string): Promise<Record<string, Condition>> {
  return until(`${name}: ${wanted}`, async () => {
    const found = await conditions(name)
    return found['Ready']?.reason === wanted ? found : undefined
  })
}

const ECDS = 'extensions.istio.io/trafficextension/istio-system.'
const gateway = new Gateway('router~127.0.0.2~gw-1.istio-system~istio-system.svc.cluster.local', 'istio-system', {
  istio: 'ingressgateway',
  app: 'istio-ingressgateway',
})
closers.push(() => gateway.client.close())
const GATEWAY_LABELS = { selector: { matchLabels: { istio: 'ingressgateway' } } }

test('samples become clusters and a listener', async () => {
  await applyFile('deploy/standalone/ingressgateway.yaml')
  await applyFile('samples/bookinfo/bookinfo.yaml')
  await applyFile('samples/bookinfo/bookinfo-gateway.yaml')
  await until('the listener', () => gateway.got.get(TypeUrl.listener)?.find((name) => name === '0.0.0.0_8080'))
  const productpage = 'outbound|9080||productpage.default.svc.cluster.local'
  await until('the cluster', () => gateway.got.get(TypeUrl.cluster)?.find((name) => name === productpage))
})

test('an extension is pushed, reported, and ready with its digest; the status is not rewritten', async () => {
  await apply(trafficExtension('auth', { ...GATEWAY_LABELS, wasm: { url: 'oci://example.com/auth:1' } }))
  await until('ECDS', () => gateway.got.get(TypeUrl.extension)?.find((name) => name === `${ECDS}auth`))
  const digest = `sha256:${'a'.repeat(64)}`
  gateway.report({ name: `${ECDS}auth`, version: '1', state: 'ready', digest, source: 'oci://mirror/auth:1' })
  const ready = await reason('auth', 'Ready')
  assert.deepEqual(
    Object.values(ready).map(({ type, status }) => [type, status]),
    [
      ['Accepted', 'True'],
      ['ResolvedRefs', 'True'],
      ['ModuleReady', 'True'],
      ['Programmed', 'True'],
      ['Ready', 'True'],
    ],
  )
  assert.match(ready['Programmed'].message, /1 of 1 proxies/)
  assert.match(ready['ModuleReady'].message, /mirror/)
  assert.equal(ready['Ready'].observedGeneration, 1)
  const object = await kube.get<KubeObject>(Kinds.trafficExtension, 'auth', 'istio-system')
  assert.equal(object['status'].module.digest, digest)
  const { resourceVersion } = object.metadata
  gateway.report({ name: `${ECDS}auth`, version: '1', state: 'ready', digest, source: 'oci://mirror/auth:1' })
  await new Promise((resolve) => setTimeout(resolve, 200))
  const later = await kube.get<KubeObject>(Kinds.trafficExtension, 'auth', 'istio-system')
  assert.equal(later.metadata.resourceVersion, resourceVersion)
})

test('each cause comes back as a reason of its own', async () => {
  await apply(
    trafficExtension('nobody', { selector: { matchLabels: { istio: 'nobody' } }, wasm: { url: 'oci://x/y' } }),
  )
  const none = await reason('nobody', 'NoMatchingProxies')
  assert.equal(none['Accepted'].status, 'True')
  assert.equal(none['Programmed'].status, 'False')

  await apply(trafficExtension('secret', { ...GATEWAY_LABELS, wasm: { url: 'oci://x/y', imagePullSecret: 'none' } }))
  assert.match((await reason('secret', 'SecretNotFound'))['ResolvedRefs'].message, /istio-system\/none/)

  await apply(trafficExtension('sum', { ...GATEWAY_LABELS, wasm: { url: 'oci://x/y', sha256: 'a'.repeat(64) } }))
  await until('ECDS', () => gateway.got.get(TypeUrl.extension)?.find((name) => name === `${ECDS}sum`))
  gateway.report({ name: `${ECDS}sum`, version: '1', state: 'failed', code: 'SL3011', message: 'checksum differs' })
  const sum = await reason('sum', 'ChecksumMismatch')
  assert.match(sum['ModuleReady'].message, /gw-1\.istio-system: SL3011: checksum differs/)
  assert.match(
    metrics.render(),
    /pilot_total_xds_rejects\{type="type\.googleapis\.com\/envoy\.config\.core\.v3\.TypedExtensionConfig"\} 1/,
  )

  gateway.refuse = (name) => (name.endsWith('.trap') ? 'SL3024: start trapped' : undefined)
  await apply(trafficExtension('trap', { ...GATEWAY_LABELS, wasm: { url: 'oci://x/y' } }))
  const trap = await reason('trap', 'StartFailed')
  assert.match(trap['Programmed'].message, /start trapped/)

  await apply(
    trafficExtension('target', {
      targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'no' }],
      lua: { inlineCode: 'x' },
    }),
  )
  assert.match((await reason('target', 'TargetNotFound'))['ResolvedRefs'].message, /Gateway no/)
})

test('an edit is followed by its own status', async () => {
  gateway.refuse = () => undefined
  await apply(trafficExtension('auth', { ...GATEWAY_LABELS, priority: 7, wasm: { url: 'oci://example.com/auth:1' } }))
  const after = await until('generation 2', async () => {
    const found = await conditions('auth')
    return found['Ready']?.observedGeneration === 2 ? found : undefined
  })
  assert.equal(after['Ready'].reason, 'Ready')
})

test('a Gateway of the Gateway API gets a proxy, a listener and a status', async () => {
  await applyFile('samples/bookinfo/gateway-api.yaml')
  const find = (type: ResourceType) => () =>
    kube.get<KubeObject>(type, 'bookinfo-gateway-istio', 'default').catch(() => undefined)
  const deployment = await until('the Deployment', find(TYPES['apps/Deployment']))
  const labels = deployment['spec'].template.metadata.labels
  assert.equal(labels['gateway.networking.k8s.io/gateway-name'], 'bookinfo-gateway')
  const service = await until('the Service', find(Kinds.service))
  const own = new Gateway('router~127.0.0.3~gw-2.default~default.svc.cluster.local', 'default', labels)
  closers.push(() => own.client.close())
  await until('the listener', () => own.got.get(TypeUrl.listener)?.find((name) => name === '0.0.0.0_10080'))
  const serviceLabel = { 'kubernetes.io/service-name': 'bookinfo-gateway-istio' }
  await apply({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'bookinfo-gateway-istio-1', labels: serviceLabel },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 10080, protocol: 'TCP' }],
    endpoints: [{ addresses: ['127.0.0.3'], conditions: { ready: true } }],
  })
  const programmed = await until('Programmed', async () => {
    const gateway = await kube.get<KubeObject>(Kinds.gateway, 'bookinfo-gateway', 'default')
    const found: Condition[] = gateway['status']?.conditions ?? []
    return found.some(({ type, status }) => type === 'Programmed' && status === 'True') ? gateway : undefined
  })
  assert.deepEqual(programmed['status'].addresses, [{ type: 'IPAddress', value: service['spec'].clusterIP }])
  assert.equal(programmed['status'].listeners[0].attachedRoutes, 1)
  const route = await kube.get<KubeObject>(Kinds.httpRoute, 'bookinfo', 'default')
  const [parent] = route['status'].parents
  assert.equal(parent.controllerName, 'istio.io/gateway-controller')
  assert.deepEqual(
    parent.conditions.map(({ type, status }: Condition) => [type, status]),
    [
      ['Accepted', 'True'],
      ['ResolvedRefs', 'True'],
    ],
  )
  // An extension for the new gateway reaches only that.
  const target = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'bookinfo-gateway' }
  const spec = { targetRefs: [target], url: 'oci://x/y' }
  const apiVersion = 'extensions.istio.io/v1alpha1'
  await apply({ apiVersion, kind: 'WasmPlugin', metadata: { name: 'at-gateway' }, spec })
  const wanted = 'extensions.istio.io/trafficextension/default.at-gateway~istio-translated-wasmplugin'
  await until('ECDS', () => own.got.get(TypeUrl.extension)?.find((name) => name === wanted))
  assert.equal(gateway.client.subscribed(TypeUrl.extension).has(wanted), false)
})

test('a client whose node id says nothing is turned away with the reason', async () => {
  const stream = grpcTransport(`127.0.0.1:${control.xdsPort}`).connect()
  const closed = new Promise<Error | undefined>((resolve) => stream.onClose(resolve))
  stream.send(create(DiscoveryRequestSchema, { node: { id: 'envoy-1' }, typeUrl: TypeUrl.cluster }))
  assert.match(String(await within('the end of the stream', closed)), /type~address~pod\.namespace~domain: envoy-1/)
})

test('from apply to the proxy, and away again', async () => {
  const times: number[] = []
  for (let i = 0; i < 20; i++) {
    const begun = performance.now()
    await apply(trafficExtension('quick', { ...GATEWAY_LABELS, wasm: { url: 'oci://x/y' } }))
    await until('ECDS', () => (gateway.got.get(TypeUrl.extension)?.includes(`${ECDS}quick`) ? true : undefined))
    times.push(performance.now() - begun)
    gateway.got.delete(TypeUrl.extension)
    await kube.delete(Kinds.trafficExtension, { name: 'quick', namespace: 'istio-system' })
    await until('its end', () => (gateway.client.subscribed(TypeUrl.extension).has(`${ECDS}quick`) ? undefined : true))
  }
  times.sort((a, b) => a - b)
  console.log(`apply to ECDS: median ${times[10].toFixed(1)} ms, worst ${times[19].toFixed(1)} ms`)
})
