import type { Any } from '@bufbuild/protobuf/wkt'
import { type Resources, TypeUrl } from '../xds/index.ts'
import { clusters, loadAssignments } from './envoy/clusters.ts'
import type { Config, Packer } from './envoy/config.ts'
import { extensionConfig } from './envoy/extension-config.ts'
import { gatewayConfig } from './envoy/gateway-config.ts'
import { tlsSecret } from './envoy/secrets.ts'
import type { Extension } from './model/extension.ts'
import type { Mesh } from './model/mesh.ts'
import type { Workload } from './model/workload.ts'

/** Everything that one proxy gets, and what became of the extensions. */
export interface Generated {
  readonly resources: Resources
  readonly extensions: readonly Extension[]
  readonly problems: readonly string[]
}

type Named = Map<string, Any>

/** Clusters and endpoints are the same for every proxy: a module may call any service. */
function shared(mesh: Mesh, packer: Packer): { clusters: Named; endpoints: Named } {
  return {
    clusters: mesh.derive('cds', ['service', 'destinationRule'], () =>
      packAll(packer, TypeUrl.cluster, clusters(mesh), 'name'),
    ),
    endpoints: mesh.derive('eds', ['service', 'destinationRule', 'endpointSlice', 'pod'], () =>
      packAll(packer, TypeUrl.endpoint, loadAssignments(mesh), 'cluster_name'),
    ),
  }
}

/** Builds the whole configuration of a proxy. */
export function generate(mesh: Mesh, proxy: Workload, packer: Packer): Generated {
  const { listeners, routes, extensions, secrets, problems } = gatewayConfig(mesh, proxy)
  const configs: Config[] = []
  for (const extension of extensions) {
    if (extension.wasm === undefined) continue
    configs.push(extensionConfig(extension, extension.wasm, (namespace, name) => mesh.pullSecret(namespace, name)))
  }
  const tls = secrets.map((name) => tlsSecret(mesh, name, proxy.namespace)).filter((secret) => secret !== undefined)
  const common = shared(mesh, packer)
  return {
    resources: {
      [TypeUrl.cluster]: common.clusters,
      [TypeUrl.endpoint]: common.endpoints,
      [TypeUrl.listener]: packAll(packer, TypeUrl.listener, listeners, 'name'),
      [TypeUrl.route]: packAll(packer, TypeUrl.route, routes, 'name'),
      [TypeUrl.secret]: packAll(packer, TypeUrl.secret, tls, 'name'),
      [TypeUrl.extension]: packAll(packer, TypeUrl.extension, configs, 'name'),
    },
    extensions,
    problems,
  }
}

function packAll(packer: Packer, typeUrl: string, configs: readonly Config[], nameField: string): Named {
  return new Map(configs.map((config) => [String(config[nameField]), packer.pack(typeUrl, config)]))
}
