import { METRIC, type MetricHandle, type MetricSink, type VmObserver } from '../../../wasm/index.ts'
import type { StatsScope } from '../../stats/scope.ts'

/** Metrics of plugins below Envoy's `wasmcustom.`, which its Prometheus output leaves out. */
export function wasmMetrics(stats: StatsScope): MetricSink {
  // Not of one listener: several may share a VM.
  const of = (name: string) => `wasmcustom.${name}`
  return {
    define: (type, name): MetricHandle => {
      if (type === METRIC.histogram) {
        const cell = stats.histogram(of(name))
        return { value: () => cell.count, add: () => {}, set: () => {}, record: (value) => cell.record(value) }
      }
      const cell = type === METRIC.counter ? stats.counter(of(name)) : stats.gauge(of(name))
      return {
        value: () => cell.value,
        add: (amount) => cell.add(amount),
        set: (value) => cell.set(value),
        record: () => {},
      }
    },
  }
}

/** Envoy's `wasm.<runtime>.created` and `.active`. */
export function vmStats(stats: StatsScope): VmObserver {
  const created = stats.counter('wasm.envoy.wasm.runtime.v8.created')
  const active = stats.gauge('wasm.envoy.wasm.runtime.v8.active')
  return {
    created: () => {
      created.add(1)
      active.add(1)
    },
    gone: () => active.add(-1),
  }
}
