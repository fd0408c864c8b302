import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cluster, httpListener, testProxy } from '../testing.ts'

const check = (fields: string) =>
  `health_checks: [{ healthy_threshold: 1, unhealthy_threshold: 1, tcp_health_check: {}, ${fields} }]`

/** What real Envoy refuses, too (`--mode validate`). */
const CASES: readonly (readonly [yaml: string, field: RegExp])[] = [
  ['dns_refresh_rate: 0s', /dns_refresh_rate: must be greater than 1 ms/],
  ['dns_refresh_rate: 0.001s', /dns_refresh_rate: must be greater than 1 ms/],
  [
    'dns_failure_refresh_rate: { base_interval: 0s, max_interval: 1s }',
    /dns_failure_refresh_rate\.base_interval: must be greater than 1 ms/,
  ],
  [check('timeout: 0s, interval: 1s'), /health_checks\[0\]\.timeout: must be greater than 0/],
  [check('timeout: 1s, interval: 0s'), /health_checks\[0\]\.interval: must be greater than 0/],
  [
    check('timeout: 1s, interval: 1s, unhealthy_interval: 0s'),
    /health_checks\[0\]\.unhealthy_interval: must be greater than 0/,
  ],
  [
    check('timeout: 1s, interval: 1s, no_traffic_interval: 0s'),
    /health_checks\[0\]\.no_traffic_interval: must be greater than 0/,
  ],
]

for (const [yaml, message] of CASES) {
  test(`a pause of nothing is refused: ${yaml}`, async () => {
    await assert.rejects(testProxy([httpListener({})], [cluster(1, yaml)]), message)
  })
}
