import type { Any } from '@bufbuild/protobuf/wkt'
import { messageOf, SluiceError } from '../errors.ts'
import { type Resources, TypeUrl } from '../xds/index.ts'
import { clusters, loadAssignments } from './envoy/clusters.ts'
import type { Config, Packer } from './envoy/config.ts'
import { extensionConfig, type PullSecret } from './envoy/extension-config.ts'
import { gatewayListeners } from './envoy/gateway-listeners.ts'
import { type GatewayRouting, gatewayRouting, ROUTING_KINDS } from './envoy/gateway-routing.ts'
import { tlsSecret } from './envoy/secrets.ts'
import { patchClusters } from './envoy-filter/clusters.ts'
import { patchListeners } from './envoy-filter/listeners.ts'
import type { Patch } from './envoy-filter/patch.ts'
import { patchRoutes } from './envoy-filter/routes.ts'
import { type PatchSet, patchesFor } from './envoy-filter/select.ts'
import type { KindName } from './kinds.ts'
import type { Extension } from './model/extension.ts'
import type { Mesh } from './model/mesh.ts'
import { requirementsFor } from './model/signature-policy.ts'
import type { Workload } from './model/workload.ts'

/** Everything that one proxy gets, and what became of the extensions and patches. */
export interface Generated {
  readonly resources: Resources
  readonly extensions: readonly Extension[]
  /** What was left out, and why. */
  readonly problems: readonly string[]
  /** Resources that cannot be put into Envoy's types; their last good state, if any, stays. */
  readonly broken: readonly BrokenResource[]
  /** How often each EnvoyFilter patch that is for this proxy applied. */
  readonly patches: ReadonlyMap<Patch, number>
}

/** A resource that could not be made; the proxy keeps the last one that could. */
export interface BrokenResource {
  readonly typeUrl: string
  readonly name: string
  readonly message: string
}

type Named = Map<string, Any>

/** What the part of a proxy's configuration depends on that is not clusters and endpoints. */
const OWN_KINDS: readonly KindName[] = [
  ...ROUTING_KINDS,
  'secret',
  'trafficExtension',
  'wasmPlugin',
  'signaturePolicy',
  'envoyFilter',
]

/** Builds the whole configuration of a proxy. What cannot be built stays as it was in `before`. */
export function generate(mesh: Mesh, proxy: Workload, packer: Packer, before: Resources = {}): Generated {
  const key = `proxy ${proxy.nodeId} ${proxy.mayHaveSecrets} ${JSON.stringify(proxy.labels)}`
  const moving: readonly KindName[] = hasNamedTargetPort(mesh, proxy.namespace) ? ['endpointSlice'] : []
  const own = mesh.derive(key, [...OWN_KINDS, ...moving], () => {
    const kinds = [...ROUTING_KINDS, ...moving]
    const routing = mesh.derive(`routing of ${key}`, kinds, () => gatewayRouting(mesh, proxy))
    return generateOwn(mesh, proxy, routing, packer, before)
  })
  const broken = [...own.broken]
  const pack = (typeUrl: string, list: readonly Config[]) => packAll(packer, typeUrl, list, before[typeUrl], broken)
  const clusters = clustersFor(mesh, own.set, pack)
  const endpoints = mesh.derive('eds', ['service', 'serviceEntry', 'destinationRule', 'endpointSlice', 'pod'], () =>
    pack(TypeUrl.endpoint, loadAssignments(mesh)),
  )
  const resources = { ...own.resources, [TypeUrl.cluster]: clusters, [TypeUrl.endpoint]: endpoints }
  return { ...own, resources, broken, patches: own.set.counts() }
}

/** A gateway's port may then move with its endpoints. */
function hasNamedTargetPort(mesh: Mesh, namespace: string): boolean {
  return [...mesh.services().values()].some(
    (service) =>
      service.namespace === namespace && service.ports.some(({ targetPort }) => typeof targetPort === 'string'),
  )
}

type Own = Omit<Generated, 'patches'> & { readonly set: PatchSet }

function generateOwn(mesh: Mesh, proxy: Workload, routing: GatewayRouting, packer: Packer, before: Resources): Own {
  const gateway = gatewayListeners(mesh, proxy, routing.ports)
  const set = patchesFor(mesh, proxy)
  const listeners = set.empty ? gateway.listeners : patchListeners(gateway.listeners, set)
  const routes = set.empty
    ? routing.routes
    : patchRoutes(routing.routes, set, (config) => routing.gatewaysOf.get(String(config['name'])) ?? [])
  const secrets = routing.secrets
    .map((name) => (proxy.mayHaveSecrets ? tlsSecret(mesh, name, proxy.namespace) : undefined))
    .filter((secret) => secret !== undefined)
  const configs = extensionConfigs(gateway.extensions, set, mesh, (namespace, name) =>
    proxy.mayHaveSecrets ? mesh.pullSecret(namespace, name) : undefined,
  )
  const broken: BrokenResource[] = []
  const pack = (typeUrl: string, list: readonly Config[]) => packAll(packer, typeUrl, list, before[typeUrl], broken)
  return {
    resources: {
      [TypeUrl.listener]: pack(TypeUrl.listener, listeners),
      [TypeUrl.route]: pack(TypeUrl.route, routes),
      [TypeUrl.secret]: pack(TypeUrl.secret, secrets),
      [TypeUrl.extension]: pack(TypeUrl.extension, configs),
    },
    extensions: gateway.extensions,
    problems: problemsOf(routing, gateway.extensions, proxy),
    broken,
    set,
  }
}

function problemsOf(
  { problems, secrets }: GatewayRouting,
  extensions: readonly Extension[],
  { mayHaveSecrets }: Workload,
): readonly string[] {
  const wanted = secrets.length > 0 || extensions.some(({ wasm }) => (wasm?.imagePullSecret ?? '') !== '')
  return wanted && !mayHaveSecrets ? [...problems, SECRETS_WITHHELD] : problems
}

const SECRETS_WITHHELD = 'secrets are not sent in plain text to a proxy on another machine'

/** The same for every proxy, since a module may call any service; unless patches are for this one. */
function clustersFor(mesh: Mesh, set: PatchSet, pack: (typeUrl: string, list: readonly Config[]) => Named): Named {
  if (set.of('CLUSTER').length > 0) {
    set.reset('CLUSTER')
    return pack(TypeUrl.cluster, patchClusters(clusters(mesh), set))
  }
  return mesh.derive('cds', ['service', 'serviceEntry', 'destinationRule'], () => pack(TypeUrl.cluster, clusters(mesh)))
}

/** What EnvoyFilters add comes first, as in Istio; whoever asks for a name gets the last of that name. */
function extensionConfigs(
  extensions: readonly Extension[],
  set: PatchSet,
  mesh: Mesh,
  pullSecret: PullSecret,
): Config[] {
  const configs: Config[] = []
  for (const patch of set.of('EXTENSION_CONFIG')) {
    const adds = patch.operation === 'ADD' || patch.operation.startsWith('INSERT')
    if (!adds || patch.value === undefined) continue
    configs.push(patch.value)
    set.applied(patch)
  }
  for (const extension of extensions) {
    if (extension.wasm === undefined) continue
    const { wasm, namespace } = extension
    const signatures = requirementsFor(mesh.signaturePolicies(), namespace, wasm.url, mesh.rootNamespace)
    configs.push(extensionConfig(extension, wasm, pullSecret, signatures))
  }
  return configs
}

function packAll(
  packer: Packer,
  typeUrl: string,
  configs: readonly Config[],
  before: ReadonlyMap<string, Any> | undefined,
  broken: BrokenResource[],
): Named {
  const named: Named = new Map()
  for (const config of configs) {
    const name = String(config['name'] ?? config['cluster_name'])
    try {
      named.set(name, packer.pack(typeUrl, config))
    } catch (error) {
      // One object that cannot be put into Envoy's types must not hold back the others.
      broken.push({ typeUrl, name, message: told(error) })
      const last = before?.get(name)
      if (last !== undefined) named.set(name, last)
    }
  }
  return named
}

function told(error: unknown): string {
  return error instanceof SluiceError ? `${error.code}: ${error.message}` : messageOf(error)
}
