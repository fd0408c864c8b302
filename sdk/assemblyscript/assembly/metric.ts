import { MetricType, Status } from "./enums"
import { proxy_define_metric, proxy_get_metric, proxy_increment_metric, proxy_record_metric } from "./host/imports"
import { RESULT_VALUE } from "./host/memory"

/** A metric of the proxy. Define it once, when the root context is configured. */
export class Metric {
  private constructor(private readonly id: u32) {}

  static counter(name: string): Metric {
    return define(MetricType.Counter, name)
  }

  static gauge(name: string): Metric {
    return define(MetricType.Gauge, name)
  }

  static histogram(name: string): Metric {
    return define(MetricType.Histogram, name)
  }

  /** Counters and gauges. */
  add(amount: i64 = 1): u32 {
    return proxy_increment_metric(this.id, amount)
  }

  /** Sets a gauge, or notes a value in a histogram. */
  record(value: u64): u32 {
    return proxy_record_metric(this.id, value)
  }

  get value(): u64 {
    return proxy_get_metric(this.id, RESULT_VALUE) == Status.Ok ? load<u64>(RESULT_VALUE) : 0
  }
}

// @ts-ignore: a constructor that only this file may call
function define(type: MetricType, name: string): Metric {
  const key = String.UTF8.encode(name)
  const status = proxy_define_metric(type, changetype<usize>(key), key.byteLength, RESULT_VALUE)
  assert(status == Status.Ok, "the host refuses the metric")
  return new Metric(load<u32>(RESULT_VALUE))
}
