import { parseMetricName } from '../../wasm/index.ts'
import { extractTags, type StatTag } from './stat-tags.ts'

const CLASS = 'envoy_response_code_class'

/** Envoy's default tag extraction: what of a dotted name becomes a label. */
const RULES: readonly { readonly pattern: RegExp; readonly name: string; readonly labels: readonly string[] }[] = [
  {
    pattern: /^cluster\.(.+)\.(upstream_rq_(?:[1-5]xx|unknown))$/,
    name: 'cluster_upstream_rq_xx',
    labels: ['envoy_cluster_name', CLASS],
  },
  {
    pattern: /^cluster\.(.+)\.health_check\.name\.(.+)\.([a-z_]+)$/,
    name: 'cluster_health_check_$',
    labels: ['envoy_cluster_name', 'envoy_health_check_name'],
  },
  {
    pattern:
      /^cluster\.(.+)\.((?:upstream|membership|lb|outlier_detection|health_check|client_ssl_socket_factory|ratelimit)[a-z0-9_.]*)$/,
    name: 'cluster_$',
    labels: ['envoy_cluster_name'],
  },
  {
    pattern: /^http\.(.+)\.(downstream_rq_(?:[1-5]xx|other))$/,
    name: 'http_downstream_rq_xx',
    labels: ['envoy_http_conn_manager_prefix', CLASS],
  },
  { pattern: /^http\.([^.]+)\.(.+)$/, name: 'http_$', labels: ['envoy_http_conn_manager_prefix'] },
  { pattern: /^listener\.(.+?_[0-9]+)\.(.+)$/, name: 'listener_$', labels: ['envoy_listener_address'] },
  {
    pattern: /^([^.]+)\.(http_local_rate_limit\..+)$/,
    name: '$',
    labels: ['envoy_local_http_ratelimit_prefix'],
  },
  { pattern: /^sds\.([^.]+)\.(.+)$/, name: 'sds_$', labels: ['envoy_xds_resource_name'] },
  { pattern: /^tcp\.([^.]+)\.(.+)$/, name: 'tcp_$', labels: ['envoy_tcp_prefix'] },
]

/** The name and the labels of a stat; metrics of Wasm modules keep their own names, without `envoy_` (a custom stat namespace). */
export function envoyName(raw: string, tags: readonly StatTag[]): { name: string; labels: string } {
  const { rest, found } = tags.length === 0 ? { rest: raw, found: {} } : extractTags(raw, tags)
  if (rest.startsWith('wasmcustom.')) {
    const { name, labels } = parseMetricName(rest)
    return { name, labels: labelText({ ...found, ...labels }) }
  }
  const { name, labels } = byRule(rest)
  const more = labelText(found)
  return { name, labels: labels === '' || more === '' ? labels + more : `${labels},${more}` }
}

function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`)
    .join(',')
}

function byRule(raw: string): { name: string; labels: string } {
  for (const { pattern, name, labels } of RULES) {
    const match = pattern.exec(raw)
    if (match === null) continue
    const value = (label: string, found: string) =>
      (label === CLASS ? found.replace(/^.*_([1-5])xx$/, '$1') : found).replace(/["\\]/g, '\\$&')
    const text = labels.map((label, i) => `${label}="${value(label, match[i + 1])}"`).join(',')
    return { name: sanitize(name.replace('$', match[match.length - 1])), labels: text }
  }
  return { name: sanitize(raw), labels: '' }
}

function sanitize(name: string): string {
  return `envoy_${name.replace(/[^a-zA-Z0-9_]/g, '_')}`
}
