import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Registry } from '../../telemetry/metrics.ts'
import { METRIC } from '../abi/constants.ts'
import { parseMetricName } from './metric-name.ts'
import { RegistryMetrics } from './registry-metrics.ts'

/** A module's name, and what Prometheus shows. */
const CASES: [string, string, Record<string, string>][] = [
  ['requests', 'requests', {}],
  ['wasmcustom.my.requests', 'my_requests', {}],
  ['2xx-count', '_2xx_count', {}],
  [
    'reporter=.=source;.;source-app=.=a b;.;istio_requests_total',
    'istio_requests_total',
    { reporter: 'source', source_app: 'a b' },
  ],
  ['istiocustom.k=.=v=.=w;.;name', 'name', { k: 'v=.=w' }],
]

describe('metric names', () => {
  for (const [raw, name, labels] of CASES) {
    it(raw, () => {
      const parsed = parseMetricName(raw)

      assert.deepEqual(parsed, { name, labels })
    })
  }

  it('become cells of a registry', () => {
    const registry = new Registry()
    const sink = new RegistryMetrics(registry)
    sink.define(METRIC.counter, 'a=.=1;.;total').add(2)
    sink.define(METRIC.gauge, 'level').set(-3)
    sink.define(METRIC.histogram, 'ms').record(7)
    const text = registry.render()
    for (const line of ['total{a="1"} 2', 'level -3', 'ms_bucket{le="10"} 1', 'ms_count 1'])
      assert.ok(text.includes(line), line)
  })
})
