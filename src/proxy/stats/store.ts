import { Cell, HistogramCell } from '../../telemetry/metrics.ts'
import type { StatsScope } from './scope.ts'

/** Envoy's default histogram bounds, in milliseconds. */
export const BOUNDS = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
]

/** All statistics of one worker, as posted to the main thread. */
export interface StatsSnapshot {
  readonly counters: Readonly<Record<string, number>>
  readonly gauges: Readonly<Record<string, number>>
  readonly histograms: Readonly<Record<string, HistogramSnapshot>>
}

export interface HistogramSnapshot {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
  readonly count: number
}

/** The statistics of one worker. A cell, once handed out, is added to without any look-up. */
export class StatsStore implements StatsScope {
  readonly #counters = new Map<string, Cell>()
  readonly #gauges = new Map<string, Cell>()
  readonly #histograms = new Map<string, HistogramCell>()

  counter(name: string): Cell {
    return cell(this.#counters, name)
  }

  gauge(name: string): Cell {
    return cell(this.#gauges, name)
  }

  histogram(name: string, bounds: readonly number[] = BOUNDS): HistogramCell {
    let histogram = this.#histograms.get(name)
    if (histogram === undefined) {
      histogram = new HistogramCell(bounds)
      this.#histograms.set(name, histogram)
    }
    return histogram
  }

  scope(prefix: string): StatsScope {
    return new Scope(this, prefix)
  }

  resetCounters(): void {
    for (const counter of this.#counters.values()) counter.value = 0
  }

  snapshot(): StatsSnapshot {
    const histograms: Record<string, HistogramSnapshot> = {}
    for (const [name, { bounds, counts, sum, count }] of this.#histograms) {
      histograms[name] = { bounds, counts: counts.slice(), sum, count }
    }
    return { counters: values(this.#counters), gauges: values(this.#gauges), histograms }
  }
}

class Scope implements StatsScope {
  readonly #store: StatsStore
  readonly #prefix: string

  constructor(store: StatsStore, prefix: string) {
    this.#store = store
    this.#prefix = prefix
  }

  counter(name: string): Cell {
    return this.#store.counter(this.#prefix + name)
  }

  gauge(name: string): Cell {
    return this.#store.gauge(this.#prefix + name)
  }

  histogram(name: string): HistogramCell {
    return this.#store.histogram(this.#prefix + name)
  }

  scope(prefix: string): StatsScope {
    return new Scope(this.#store, this.#prefix + prefix)
  }
}

function cell(cells: Map<string, Cell>, name: string): Cell {
  let found = cells.get(name)
  if (found === undefined) {
    found = new Cell()
    cells.set(name, found)
  }
  return found
}

function values(cells: Map<string, Cell>): Record<string, number> {
  const result: Record<string, number> = {}
  for (const [name, { value }] of cells) result[name] = value
  return result
}
