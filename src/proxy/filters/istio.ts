/**
 * Istio's own filters as istiod sends them, in a TypedStruct whose message this proxy has no schema for: in a chain of this proxy
 * they have nothing to do. `istio.metadata_exchange` and `istio.alpn` only serve proxies that are peers of each other over Istio's
 * mutual TLS, and the request metrics of `istio.stats` are kept for every request where the node is a workload (stats/istio.ts).
 */
export const ISTIO_PASSIVE: ReadonlySet<string> = new Set([
  'io.istio.http.peer_metadata.Config',
  'envoy.tcp.metadataexchange.config.MetadataExchange',
  'istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig',
  'stats.PluginConfig',
])
