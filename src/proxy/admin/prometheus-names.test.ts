import assert from 'node:assert/strict'
import { test } from 'node:test'
import { envoyName } from './prometheus-names.ts'

// As real Envoy's /stats/prometheus has them, but for names of clusters with dots: it takes the first part for the name.
const CASES = [
  ['cluster.a.b.upstream_rq_5xx', 'envoy_cluster_upstream_rq_xx', { envoy_cluster_name: 'a.b', class: '5' }],
  ['cluster.a.b.upstream_rq_429', 'envoy_cluster_upstream_rq', { envoy_cluster_name: 'a.b', code: '429' }],
  [
    'cluster.a.internal.upstream_rq_429',
    'envoy_cluster_internal_upstream_rq',
    { envoy_cluster_name: 'a', code: '429' },
  ],
  [
    'cluster.a.external.upstream_rq_2xx',
    'envoy_cluster_external_upstream_rq_xx',
    { envoy_cluster_name: 'a', class: '2' },
  ],
  [
    'cluster.a.internal.upstream_rq_completed',
    'envoy_cluster_internal_upstream_rq_completed',
    { envoy_cluster_name: 'a' },
  ],
  ['cluster.a.lb.example.upstream_cx_total', 'envoy_cluster_upstream_cx_total', { envoy_cluster_name: 'a.lb.example' }],
  ['cluster.a.b.upstream_cx_total', 'envoy_cluster_upstream_cx_total', { envoy_cluster_name: 'a.b' }],
  ['cluster.a.health_check.attempt', 'envoy_cluster_health_check_attempt', { envoy_cluster_name: 'a' }],
  [
    'cluster.a.health_check.name.h.attempt',
    'envoy_cluster_health_check_attempt',
    { envoy_cluster_name: 'a', check: 'h' },
  ],
  ['cluster.a.b.ratelimit.ok', 'envoy_cluster_ratelimit_ok', { envoy_cluster_name: 'a.b' }],
  ['cluster.a.ratelimit.mine.ok', 'envoy_cluster_ratelimit_mine_ok', { envoy_cluster_name: 'a' }],
  ['a.http_local_rate_limit.ok', 'envoy_http_local_rate_limit_ok', { envoy_local_http_ratelimit_prefix: 'a' }],
  ['a.b.http_local_rate_limit.ok', 'envoy_a_b_http_local_rate_limit_ok', {}],
  [
    'listener.127.0.0.1_80.http.in.downstream_rq_2xx',
    'envoy_listener_http_downstream_rq_xx',
    { listener: '127.0.0.1_80', manager: 'in', class: '2' },
  ],
  [
    'listener.web.http.in.downstream_rq_completed',
    'envoy_listener_http_downstream_rq_completed',
    { listener: 'web', manager: 'in' },
  ],
  ['sds.a-b.update_rejected', 'envoy_sds_update_rejected', { secret: 'a-b' }],
  ['sds.a.b.update_rejected', 'envoy_sds_b_update_rejected', { secret: 'a' }],
  [
    'cluster.a.client_ssl_socket_factory.ssl_context_update_by_sds',
    'envoy_cluster_client_ssl_socket_factory_ssl_context_update_by_sds',
    { envoy_cluster_name: 'a' },
  ],
] as const
const SHORT: Readonly<Record<string, string>> = {
  class: 'envoy_response_code_class',
  code: 'envoy_response_code',
  check: 'envoy_health_check_name',
  listener: 'envoy_listener_address',
  manager: 'envoy_http_conn_manager_prefix',
  secret: 'envoy_xds_resource_name',
}

for (const [raw, name, labels] of CASES) {
  test(`labels of ${raw}`, () => {
    const text = Object.entries(labels).map(([label, value]) => `${SHORT[label] ?? label}="${value}"`)
    assert.deepEqual(envoyName(raw, []), { name, labels: text.join(',') })
  })
}
