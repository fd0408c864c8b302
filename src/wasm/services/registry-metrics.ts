import type { Registry } from '../../telemetry/metrics.ts'
import { METRIC } from '../abi/constants.ts'
import type { MetricHandle, MetricSink } from '../host.ts'
import { parseMetricName } from './metric-name.ts'

/** Envoy's default histogram buckets. */
const BUCKETS = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
]

/** Metrics of modules as cells of a registry. */
export class RegistryMetrics implements MetricSink {
  readonly #registry: Registry

  constructor(registry: Registry) {
    this.#registry = registry
  }

  define(type: number, raw: string): MetricHandle {
    const { name, labels } = parseMetricName(raw)
    const help = 'Defined by a Wasm extension.'
    if (type === METRIC.histogram) {
      const cell = this.#registry.histogram(name, help, BUCKETS).with(labels)
      return { value: () => cell.count, add: () => {}, set: () => {}, record: (value) => cell.record(value) }
    }
    const family = type === METRIC.counter ? this.#registry.counter(name, help) : this.#registry.gauge(name, help)
    const cell = family.with(labels)
    return {
      value: () => cell.value,
      add: (amount) => cell.add(amount),
      set: (value) => cell.set(value),
      record: () => {},
    }
  }
}
