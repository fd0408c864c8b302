import type { Any } from '@bufbuild/protobuf/wkt'
import { type Resources, TypeUrl } from '../xds/index.ts'
import { clusters, loadAssignments } from './envoy/clusters.ts'
import type { Config, Packer } from './envoy/config.ts'
import { extensionConfig } from './envoy/extension-config.ts'
import { gatewayConfig } from './envoy/gateway-config.ts'
import { tlsSecret } from './envoy/secrets.ts'
import { patchClusters } from './envoy-filter/clusters.ts'
import { patchListeners } from './envoy-filter/listeners.ts'
import type { Patch } from './envoy-filter/patch.ts'
import { patchRoutes } from './envoy-filter/routes.ts'
import { type PatchSet, patchesFor } from './envoy-filter/select.ts'
import type { Extension } from './model/extension.ts'
import type { Mesh } from './model/mesh.ts'
import type { Workload } from './model/workload.ts'

/** Everything that one proxy gets, and what became of the extensions and patches. */
export interface Generated {
  readonly resources: Resources
  readonly extensions: readonly Extension[]
  readonly problems: readonly string[]
  /** How often each EnvoyFilter patch that is for this proxy applied. */
  readonly patches: ReadonlyMap<Patch, number>
}

type Named = Map<string, Any>

/** Builds the whole configuration of a proxy. */
export function generate(mesh: Mesh, proxy: Workload, packer: Packer): Generated {
  const gateway = gatewayConfig(mesh, proxy)
  const set = patchesFor(mesh, proxy)
  const listeners = set.empty ? gateway.listeners : patchListeners(gateway.listeners, set)
  const routes = set.empty
    ? gateway.routes
    : patchRoutes(gateway.routes, set, (config) => gateway.gatewaysOf.get(String(config['name'])) ?? [])
  const secrets = gateway.secrets
    .map((name) => tlsSecret(mesh, name, proxy.namespace))
    .filter((secret) => secret !== undefined)
  return {
    resources: {
      [TypeUrl.cluster]: clustersFor(mesh, packer, set),
      [TypeUrl.endpoint]: endpoints(mesh, packer),
      [TypeUrl.listener]: packAll(packer, TypeUrl.listener, listeners, 'name'),
      [TypeUrl.route]: packAll(packer, TypeUrl.route, routes, 'name'),
      [TypeUrl.secret]: packAll(packer, TypeUrl.secret, secrets, 'name'),
      [TypeUrl.extension]: packAll(packer, TypeUrl.extension, extensionConfigs(mesh, gateway.extensions, set), 'name'),
    },
    extensions: gateway.extensions,
    problems: gateway.problems,
    patches: set.counts(),
  }
}

/** The same for every proxy, since a module may call any service; unless patches are for this one. */
function clustersFor(mesh: Mesh, packer: Packer, set: PatchSet): Named {
  if (set.of('CLUSTER').length > 0) return packAll(packer, TypeUrl.cluster, patchClusters(clusters(mesh), set), 'name')
  return mesh.derive('cds', ['service', 'destinationRule'], () =>
    packAll(packer, TypeUrl.cluster, clusters(mesh), 'name'),
  )
}

function endpoints(mesh: Mesh, packer: Packer): Named {
  return mesh.derive('eds', ['service', 'destinationRule', 'endpointSlice', 'pod'], () =>
    packAll(packer, TypeUrl.endpoint, loadAssignments(mesh), 'cluster_name'),
  )
}

/** What EnvoyFilters add comes first, as in Istio; whoever asks for a name gets the last of that name. */
function extensionConfigs(mesh: Mesh, extensions: readonly Extension[], set: PatchSet): Config[] {
  const configs: Config[] = []
  for (const patch of set.of('EXTENSION_CONFIG')) {
    const adds = patch.operation === 'ADD' || patch.operation.startsWith('INSERT')
    if (!adds || patch.value === undefined) continue
    configs.push(patch.value)
    set.applied(patch)
  }
  for (const extension of extensions) {
    if (extension.wasm === undefined) continue
    configs.push(extensionConfig(extension, extension.wasm, (namespace, name) => mesh.pullSecret(namespace, name)))
  }
  return configs
}

function packAll(packer: Packer, typeUrl: string, configs: readonly Config[], nameField: string): Named {
  return new Map(configs.map((config) => [String(config[nameField]), packer.pack(typeUrl, config)]))
}
