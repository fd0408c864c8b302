import { METRIC, STATUS } from './abi/constants.ts'
import type { MetricHandle, MetricSink } from './host.ts'
import type { Limits } from './limits.ts'

interface Defined {
  readonly type: number
  readonly handle: MetricHandle
}

/** The metrics that one VM has defined, by the ids of cpp-host: the low two bits are the type, the rest counts. */
export class VmMetrics {
  readonly #sink: MetricSink
  readonly #limits: Limits
  readonly #byId = new Map<number, Defined>()
  readonly #ids = new Map<string, number>()
  #next = 1

  constructor(sink: MetricSink, limits: Limits) {
    this.#sink = sink
    this.#limits = limits
  }

  /** An id, or a negated status. The same name and type give the same id. */
  define(type: number, name: string): number {
    const key = `${type}${name}`
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    if (this.#ids.size >= this.#limits.metrics) return -STATUS.internalFailure
    const id = this.#next++ * 4 + type
    this.#ids.set(key, id)
    this.#byId.set(id, { type, handle: this.#sink.define(type, name) })
    return id
  }

  increment(id: number, amount: number): number {
    const metric = this.#byId.get(id)
    if (metric === undefined) return STATUS.notFound
    if (metric.type === METRIC.histogram) return STATUS.badArgument
    // A counter only grows.
    if (metric.type === METRIC.counter && amount <= 0) return STATUS.badArgument
    metric.handle.add(amount)
    return STATUS.ok
  }

  record(id: number, value: number): number {
    const metric = this.#byId.get(id)
    if (metric === undefined) return STATUS.notFound
    if (metric.type === METRIC.counter) metric.handle.add(value)
    else if (metric.type === METRIC.gauge) metric.handle.set(value)
    else metric.handle.record(value)
    return STATUS.ok
  }

  /** The value, or a negated status. Gauges may be negative, hence the pair. */
  read(id: number): { readonly status: number; readonly value: number } {
    const metric = this.#byId.get(id)
    if (metric === undefined) return { status: STATUS.notFound, value: 0 }
    if (metric.type === METRIC.histogram) return { status: STATUS.badArgument, value: 0 }
    return { status: STATUS.ok, value: metric.handle.value() }
  }
}
