import { parseMetricName } from '../../wasm/index.ts'
import { extractTags, type StatTag } from './stat-tags.ts'

const CLUSTER = 'envoy_cluster_name'
const MANAGER = 'envoy_http_conn_manager_prefix'
const LISTENER = 'envoy_listener_address'
const CLASS = 'envoy_response_code_class'

interface Rule {
  readonly pattern: RegExp
  /** `$2` stands for the second group. */
  readonly name: string
  /** Labels and the groups that they are. */
  readonly labels: readonly (readonly [label: string, group: number])[]
}

/** Envoy's default tag extraction: what of a dotted name becomes a label. */
const RULES: readonly Rule[] = [
  {
    pattern: /^cluster\.(.+?)\.((?:(?:internal|external|retry)\.)?upstream_rq)_([1-5])xx$/,
    name: 'cluster_$2_xx',
    labels: [
      [CLUSTER, 1],
      [CLASS, 3],
    ],
  },
  {
    pattern: /^cluster\.(.+?)\.((?:(?:internal|external|retry)\.)?upstream_rq)_([1-5][0-9]{2})$/,
    name: 'cluster_$2',
    labels: [
      [CLUSTER, 1],
      ['envoy_response_code', 3],
    ],
  },
  {
    pattern: /^cluster\.(.+)\.health_check\.name\.(.+)\.([a-z_]+)$/,
    name: 'cluster_health_check_$3',
    labels: [
      [CLUSTER, 1],
      ['envoy_health_check_name', 2],
    ],
  },
  {
    pattern: /^cluster\.(.+)\.((?:internal|external|retry)\.upstream_rq[a-z0-9_]*)$/,
    name: 'cluster_$2',
    labels: [[CLUSTER, 1]],
  },
  {
    pattern:
      /^cluster\.(.+)\.((?:upstream|membership|lb|outlier_detection|health_check|client_ssl_socket_factory|ratelimit)[a-z0-9_.]*)$/,
    name: 'cluster_$2',
    labels: [[CLUSTER, 1]],
  },
  {
    pattern: /^http\.(.+)\.(downstream_rq)_([1-5])xx$/,
    name: 'http_$2_xx',
    labels: [
      [MANAGER, 1],
      [CLASS, 3],
    ],
  },
  { pattern: /^http\.([^.]+)\.(.+)$/, name: 'http_$2', labels: [[MANAGER, 1]] },
  {
    pattern: /^listener\.(.+?)\.http\.(.+)\.(downstream_rq)_([1-5])xx$/,
    name: 'listener_http_$3_xx',
    labels: [
      [LISTENER, 1],
      [MANAGER, 2],
      [CLASS, 4],
    ],
  },
  {
    pattern: /^listener\.(.+?)\.http\.([^.]+)\.(.+)$/,
    name: 'listener_http_$3',
    labels: [
      [LISTENER, 1],
      [MANAGER, 2],
    ],
  },
  { pattern: /^listener\.(.+?_[0-9]+)\.(.+)$/, name: 'listener_$2', labels: [[LISTENER, 1]] },
  { pattern: /^([^.]+)\.(http_local_rate_limit\..+)$/, name: '$2', labels: [['envoy_local_http_ratelimit_prefix', 1]] },
  { pattern: /^sds\.([^.]+)\.(.+)$/, name: 'sds_$2', labels: [['envoy_xds_resource_name', 1]] },
  { pattern: /^tcp\.([^.]+)\.(.+)$/, name: 'tcp_$2', labels: [['envoy_tcp_prefix', 1]] },
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
    const values = labels.map(([label, group]) => [label, match[group]] as const)
    return {
      name: sanitize(name.replace(/\$(\d)/, (_, group) => match[Number(group)])),
      labels: labelText(Object.fromEntries(values)),
    }
  }
  return { name: sanitize(raw), labels: '' }
}

function sanitize(name: string): string {
  return `envoy_${name.replace(/[^a-zA-Z0-9_]/g, '_')}`
}
