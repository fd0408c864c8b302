/** Trials whose outcome no race decides: each was another one than Envoy's, or stands for what has to stay. */
import { networkFilter } from './filter.ts'
import type { Script, TcpCluster, Trial } from './trial.ts'

type Json = Readonly<Record<string, unknown>>

const SAY: Script = ['rest', { say: 10 }, { hear: 3 }]
const ANSWER: Script = [{ hear: 10 }, { say: 3 }]

interface Case {
  readonly proxy?: Json
  /** Before `tcp_proxy`. */
  readonly filters?: readonly unknown[]
  readonly client?: Script
  readonly upstream?: Script | 'down'
  readonly cluster?: Json
  readonly connections?: number
}

const rbac = (action: string, address: string) =>
  networkFilter('rbac.v3.RBAC', {
    stat_prefix: '$id.',
    rules: {
      action,
      policies: {
        p: {
          permissions: [{ any: true }],
          principals: [{ direct_remote_ip: { address_prefix: address, prefix_len: 8 } }],
        },
      },
    },
  })
const limit = networkFilter('local_ratelimit.v3.LocalRateLimit', {
  stat_prefix: '$id',
  token_bucket: { max_tokens: 1, fill_interval: '3600s' },
})
const weighted = (stage: string) => ({
  weighted_clusters: {
    clusters: [{ name: '$id-up', weight: 1, metadata_match: { filter_metadata: { 'envoy.lb': { stage } } } }],
  },
})
const SUBSETS = {
  lb_subset_config: { fallback_policy: 'NO_FALLBACK', subset_selectors: [{ keys: ['stage'] }] },
}

const CASES: Readonly<Record<string, Case>> = {
  'both-end': { client: [...SAY, 'end', 'heed'], upstream: [...ANSWER, 'heed', 'end'] },
  'upstream-ends-first': { client: [...SAY, 'heed', { say: 7 }, 'end'], upstream: [...ANSWER, 'end', { hear: 17 }] },
  'client-resets': { client: [...SAY, 'rest', 'reset'], upstream: ANSWER },
  'upstream-resets': { upstream: [...ANSWER, 'rest', 'reset'] },
  'nobody-there': { upstream: 'down' },
  'three-attempts': { upstream: 'down', proxy: { max_connect_attempts: 3 } },
  'attempts-within-one-connection': {
    upstream: 'down',
    proxy: { max_connect_attempts: 2 },
    cluster: { circuit_breakers: { thresholds: [{ max_connections: 1 }] } },
  },
  'no-room': { cluster: { circuit_breakers: { thresholds: [{ max_connections: 0 }] } }, client: ['heed', 'end'] },
  'no-room-for-a-tunnel': {
    proxy: { tunneling_config: { hostname: 'a:1' } },
    cluster: { circuit_breakers: { thresholds: [{ max_connections: 0 }] } },
    client: ['heed', 'end'],
  },
  'no-room-for-a-tunnel-that-waits': {
    proxy: { tunneling_config: { hostname: 'a:1' } },
    cluster: { circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } },
    client: ['heed', 'end'],
  },
  'no-room-for-who-waits': {
    cluster: { circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } },
    client: ['heed', 'end'],
  },
  'no-cluster': { proxy: { cluster: 'nobody' }, client: ['heed', 'end'] },
  'silent-too-long': { proxy: { idle_timeout: '0.3s' }, upstream: ANSWER },
  'open-too-long': { proxy: { max_downstream_connection_duration: '0.4s' }, upstream: ANSWER },
  'weighted-by-metadata': {
    proxy: weighted('a'),
    cluster: SUBSETS,
    client: [...SAY, 'end'],
    upstream: [...ANSWER, 'heed', 'end'],
  },
  'no-host-by-metadata': { proxy: weighted('b'), cluster: SUBSETS, client: ['heed', 'end'] },
  'denied-by-rbac': { filters: [rbac('DENY', '127.0.0.0')], upstream: ['heed', 'end'] },
  'allowed-by-rbac': {
    filters: [rbac('ALLOW', '127.0.0.0')],
    client: [...SAY, 'end'],
    upstream: [...ANSWER, 'heed', 'end'],
  },
  'rbac-and-nobody-there': { filters: [rbac('ALLOW', '127.0.0.0')], upstream: 'down' },
  'beyond-the-rate': { filters: [limit], client: ['rest', 'end', 'heed'], upstream: ['heed', 'end'], connections: 2 },
}

export function cases(): Trial[] {
  return Object.entries(CASES).map(([name, one]) => {
    const { proxy = {}, filters = [], client = SAY, upstream = ANSWER, cluster = {}, connections = 1 } = one
    const up: TcpCluster = { name: 'up', does: upstream, settings: { connect_timeout: '0.5s', ...cluster } }
    return {
      id: `tcp.${name}`,
      filters: [...filters, networkFilter('tcp_proxy.v3.TcpProxy', proxy)],
      clusters: [up],
      clients: Array.from({ length: connections }, () => client),
    }
  })
}
