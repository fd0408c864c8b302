import { Cell, HistogramCell } from '../../telemetry/metrics.ts'
import type { StatsScope } from './scope.ts'

/** Envoy's default histogram bounds, in milliseconds. */
export const BOUNDS = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
]

/** Statistics with one beginning of their names, which come and go together. Their names here are without it. */
export class StatsGroup {
  readonly counters = new Map<string, Cell>()
  readonly gauges = new Map<string, Cell>()
  readonly histograms = new Map<string, HistogramCell>()
  /** Who wants it to last. */
  users = 0

  counter(name: string): Cell {
    return cell(this.counters, name)
  }

  gauge(name: string): Cell {
    return cell(this.gauges, name)
  }

  histogram(name: string): HistogramCell {
    let histogram = this.histograms.get(name)
    if (histogram === undefined) {
      histogram = new HistogramCell(BOUNDS)
      this.histograms.set(name, histogram)
    }
    return histogram
  }
}

/** The part of a group whose names begin with `prefix`. */
export class GroupScope implements StatsScope {
  readonly #group: StatsGroup
  readonly #prefix: string

  constructor(group: StatsGroup, prefix: string) {
    this.#group = group
    this.#prefix = prefix
  }

  counter(name: string): Cell {
    return this.#group.counter(this.#prefix + name)
  }

  gauge(name: string): Cell {
    return this.#group.gauge(this.#prefix + name)
  }

  histogram(name: string): HistogramCell {
    return this.#group.histogram(this.#prefix + name)
  }

  scope(prefix: string): StatsScope {
    return new GroupScope(this.#group, this.#prefix + prefix)
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
