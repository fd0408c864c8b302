const PREFIX = 'type.googleapis.com/'

/** The resource types of xDS v3 that Sluice speaks. */
export const TypeUrl = {
  cluster: `${PREFIX}envoy.config.cluster.v3.Cluster`,
  endpoint: `${PREFIX}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  listener: `${PREFIX}envoy.config.listener.v3.Listener`,
  route: `${PREFIX}envoy.config.route.v3.RouteConfiguration`,
  secret: `${PREFIX}envoy.extensions.transport_sockets.tls.v3.Secret`,
  extension: `${PREFIX}envoy.config.core.v3.TypedExtensionConfig`,
} as const

/** The types of extension configs that matter to whoever rewrites or reads ECDS. */
export const ConfigType = {
  httpWasm: `${PREFIX}envoy.extensions.filters.http.wasm.v3.Wasm`,
  networkWasm: `${PREFIX}envoy.extensions.filters.network.wasm.v3.Wasm`,
  httpRbac: `${PREFIX}envoy.extensions.filters.http.rbac.v3.RBAC`,
  networkRbac: `${PREFIX}envoy.extensions.filters.network.rbac.v3.RBAC`,
  udpaTypedStruct: `${PREFIX}udpa.type.v1.TypedStruct`,
  xdsTypedStruct: `${PREFIX}xds.type.v3.TypedStruct`,
} as const

/**
 * Make before break: clusters and their endpoints before what routes to them, and what a listener names after the
 * listener that asks for it (xDS protocol, "Eventual consistency considerations").
 */
export const PUSH_ORDER: readonly string[] = [
  TypeUrl.cluster,
  TypeUrl.endpoint,
  TypeUrl.listener,
  TypeUrl.route,
  TypeUrl.secret,
  TypeUrl.extension,
]

const SHORT: Record<string, string> = {
  [TypeUrl.cluster]: 'cds',
  [TypeUrl.endpoint]: 'eds',
  [TypeUrl.listener]: 'lds',
  [TypeUrl.route]: 'rds',
  [TypeUrl.secret]: 'sds',
  [TypeUrl.extension]: 'ecds',
}

/** `lds`, `ecds`, …: the value of istiod's `type` label; the type URL itself for any other type. */
export function shortType(typeUrl: string): string {
  return SHORT[typeUrl] ?? typeUrl
}

/** Types whose responses carry the whole state: what is absent is removed, and no names asks for everything. */
export function isWholeState(typeUrl: string): boolean {
  return typeUrl === TypeUrl.cluster || typeUrl === TypeUrl.listener
}
