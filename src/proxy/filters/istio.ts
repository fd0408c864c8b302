/**
 * Istio's own filters as istiod sends them, in a TypedStruct whose message this proxy has no schema for.
 *
 * `istio.metadata_exchange` and `istio.alpn` only serve proxies that are peers of each other over Istio's mutual TLS; in a chain
 * of this proxy they have nothing to do. `istio.stats` turns Istio's request metrics on.
 */
export const ISTIO_PASSIVE: ReadonlySet<string> = new Set([
  'io.istio.http.peer_metadata.Config',
  'envoy.tcp.metadataexchange.config.MetadataExchange',
  'istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig',
])

export const ISTIO_STATS = 'stats.PluginConfig'
