import type { Cell, HistogramCell } from '../../telemetry/metrics.ts'
import { GroupScope, StatsGroup } from './group.ts'
import type { OwnedStats, StatsScope } from './scope.ts'

/** All statistics of one worker, as posted to the main thread. */
export interface StatsSnapshot {
  readonly counters: Readonly<Record<string, number>>
  readonly gauges: Readonly<Record<string, number>>
  readonly histograms: Readonly<Record<string, HistogramSnapshot>>
}

/** A histogram at one moment; what is above all bounds is in `sum` and `count` only. */
export interface HistogramSnapshot {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
  readonly count: number
}

/**
 * The statistics of one worker. A cell, once handed out, is added to without any look-up. What clusters and listeners count goes with
 * the last that counts under its name, as Envoy's scopes do.
 */
export class StatsStore implements StatsScope {
  readonly #groups = new Map<string, StatsGroup>()
  readonly #lasting = this.hold('')

  counter(name: string): Cell {
    return this.#lasting.counter(name)
  }

  gauge(name: string): Cell {
    return this.#lasting.gauge(name)
  }

  histogram(name: string): HistogramCell {
    return this.#lasting.histogram(name)
  }

  scope(prefix: string): StatsScope {
    return new GroupScope(this.#lasting, prefix)
  }

  /** A scope that lasts until it is not kept. */
  named(prefix: string): StatsScope {
    return new GroupScope(this.find(prefix) ?? this.hold(prefix), '')
  }

  /** Forgets what begins with `kind`, but for these. */
  keepOnly(kind: string, wanted: ReadonlySet<string>): void {
    for (const prefix of this.#groups.keys())
      if (prefix.startsWith(kind) && !wanted.has(prefix)) this.#groups.delete(prefix)
  }

  owned(): OwnedStats {
    return new Owned(this)
  }

  find(prefix: string): StatsGroup | undefined {
    return this.#groups.get(prefix)
  }

  hold(prefix: string): StatsGroup {
    let group = this.#groups.get(prefix)
    if (group === undefined) {
      group = new StatsGroup()
      this.#groups.set(prefix, group)
    }
    group.users++
    return group
  }

  release(prefix: string): void {
    const group = this.#groups.get(prefix)
    if (group !== undefined && --group.users === 0) this.#groups.delete(prefix)
  }

  resetCounters(): void {
    for (const { counters } of this.#groups.values()) for (const counter of counters.values()) counter.value = 0
  }

  snapshot(): StatsSnapshot {
    const counters: Record<string, number> = {}
    const gauges: Record<string, number> = {}
    const histograms: Record<string, HistogramSnapshot> = {}
    for (const [prefix, group] of this.#groups) {
      addValues(counters, prefix, group.counters)
      addValues(gauges, prefix, group.gauges)
      for (const [name, cell] of group.histograms) histograms[prefix + name] = together(histograms[prefix + name], cell)
    }
    return { counters, gauges, histograms }
  }
}

/** A name may stand in several groups: what is left of it when its beginning is taken away may be divided otherwise. */
function addValues(sums: Record<string, number>, prefix: string, cells: ReadonlyMap<string, Cell>): void {
  for (const [rest, { value }] of cells) {
    const name = prefix + rest
    sums[name] = (sums[name] ?? 0) + value
  }
}

/** Likewise of histograms, which all have the same bounds. */
function together(
  before: HistogramSnapshot | undefined,
  { bounds, counts, sum, count }: HistogramCell,
): HistogramSnapshot {
  if (before === undefined) return { bounds, counts: counts.slice(), sum, count }
  return {
    bounds,
    counts: counts.map((value, i) => value + before.counts[i]),
    sum: sum + before.sum,
    count: count + before.count,
  }
}

class Owned implements OwnedStats {
  readonly #store: StatsStore
  readonly #held = new Map<string, StatsGroup>()
  #closed = false

  constructor(store: StatsStore) {
    this.#store = store
  }

  counter(name: string): Cell {
    return this.#store.counter(name)
  }

  gauge(name: string): Cell {
    return this.#store.gauge(name)
  }

  histogram(name: string): HistogramCell {
    return this.#store.histogram(name)
  }

  scope(prefix: string): StatsScope {
    return new GroupScope(this.#group(prefix), '')
  }

  #group(prefix: string): StatsGroup {
    // What is still under way when its owner has gone may count, but makes nothing last.
    if (this.#closed) return this.#store.find(prefix) ?? new StatsGroup()
    let group = this.#held.get(prefix)
    if (group === undefined) {
      group = this.#store.hold(prefix)
      this.#held.set(prefix, group)
    }
    return group
  }

  close(): void {
    this.#closed = true
    for (const prefix of this.#held.keys()) this.#store.release(prefix)
    this.#held.clear()
  }
}
