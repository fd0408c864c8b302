import type { ConfigManager } from '../main/config-manager.ts'
import type { WorkerPool } from '../main/worker-pool.ts'
import type { IstioSeries } from '../stats/istio.ts'
import type { HistogramSnapshot, StatsSnapshot } from '../stats/store.ts'
import { envoyName } from './prometheus-names.ts'
import { quantilesJson, quantilesText } from './quantiles.ts'
import type { StatTag } from './stat-tags.ts'

/** What one worker answers when it is asked for its statistics. */
export interface WorkerStats extends StatsSnapshot {
  /** Gauges that are of the process, and so the same in each. */
  readonly process: Readonly<Record<string, number>>
  readonly istio: readonly IstioSeries[]
}

/** The statistics of the process: those of all threads together. */
export interface MergedStats {
  readonly counters: ReadonlyMap<string, number>
  readonly gauges: ReadonlyMap<string, number>
  readonly histograms: ReadonlyMap<string, HistogramSnapshot>
  readonly istio: readonly IstioSeries[]
}

/** Adds up what the workers counted, and what only the main thread knows. `healthFailed`: by `/healthcheck/fail`. */
export function mergeStats(
  workers: readonly WorkerStats[],
  config: ConfigManager,
  pool: WorkerPool,
  begun: number,
  healthFailed: boolean,
): MergedStats {
  const counters = new Map<string, number>()
  const gauges = new Map<string, number>()
  const histograms = new Map<string, HistogramSnapshot>()
  const istio = new Map<string, IstioSeries>()
  const ofMain: WorkerStats = { ...config.stats.snapshot(), process: {}, istio: [] }
  for (const worker of [...workers, ofMain]) {
    for (const [name, value] of Object.entries(worker.counters)) counters.set(name, (counters.get(name) ?? 0) + value)
    for (const [name, value] of Object.entries(worker.gauges)) {
      // Membership is the same in every worker; everything else is a share.
      if (name.includes('.membership_')) gauges.set(name, value)
      else gauges.set(name, (gauges.get(name) ?? 0) + value)
    }
    for (const [name, value] of Object.entries(worker.process)) gauges.set(name, value)
    for (const [name, histogram] of Object.entries(worker.histograms))
      histograms.set(name, addHistograms(histograms.get(name), histogram))
    for (const series of worker.istio) {
      const key = JSON.stringify(series.labels)
      const known = istio.get(key)
      istio.set(key, known === undefined ? series : addSeries(known, series))
    }
  }
  gauges.set('server.live', config.ready && !healthFailed ? 1 : 0)
  // Of ServerInfo.State: LIVE, DRAINING, PRE_INITIALIZING.
  gauges.set('server.state', !config.ready ? 2 : healthFailed ? 1 : 0)
  // Istio's agent takes the Pod for ready by this and the state.
  gauges.set('listener_manager.workers_started', config.ready ? 1 : 0)
  gauges.set('server.uptime', Math.floor((Date.now() - begun) / 1000))
  gauges.set('server.concurrency', pool.size)
  gauges.set('server.memory_allocated', process.memoryUsage.rss())
  counters.set('server.worker_restarts', pool.restarts)
  const listeners = [...config.listeners.values()]
  gauges.set('listener_manager.total_listeners_active', listeners.filter(({ active }) => active !== undefined).length)
  gauges.set(
    'listener_manager.total_listeners_warming',
    listeners.filter(({ warming }) => warming !== undefined).length,
  )
  gauges.set('cluster_manager.active_clusters', config.clusters.size)
  gauges.set('cluster_manager.warming_clusters', config.warmingClusters.size)
  return { counters, gauges, histograms, istio: [...istio.values()] }
}

function addHistograms(a: HistogramSnapshot | undefined, b: HistogramSnapshot): HistogramSnapshot {
  if (a === undefined) return b
  return {
    bounds: a.bounds,
    counts: a.counts.map((n, i) => n + b.counts[i]),
    sum: a.sum + b.sum,
    count: a.count + b.count,
  }
}

function addSeries(a: IstioSeries, b: IstioSeries): IstioSeries {
  return {
    labels: a.labels,
    requests: a.requests + b.requests,
    duration: addHistograms(a.duration, b.duration),
    requestBytes: addHistograms(a.requestBytes, b.requestBytes),
    responseBytes: addHistograms(a.responseBytes, b.responseBytes),
  }
}

/** Those of the `type` whose name fits the `filter`, and with `usedonly` those that have counted anything. */
export function chooseStats(stats: MergedStats, query: URLSearchParams): MergedStats {
  const usedOnly = query.has('usedonly')
  const pattern = new RegExp(query.get('filter') ?? '')
  const type = query.get('type') ?? 'All'
  const wanted = (kind: string) => type === 'All' || type === kind
  const plain = (kind: string, list: ReadonlyMap<string, number>) =>
    new Map(wanted(kind) ? [...list].filter(([name, value]) => pattern.test(name) && (!usedOnly || value !== 0)) : [])
  return {
    ...stats,
    counters: plain('Counters', stats.counters),
    gauges: plain('Gauges', stats.gauges),
    histograms: new Map(
      wanted('Histograms')
        ? [...stats.histograms].filter(([name, { count }]) => pattern.test(name) && (!usedOnly || count > 0))
        : [],
    ),
    istio: stats.istio.filter(() => pattern.test('istio')),
  }
}

/** By name: no two statistics share one. */
function byName<T>(list: Iterable<readonly [string, T]>): (readonly [string, T])[] {
  return [...list].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** `/stats`: a name and a value a line; then histograms. */
export function statsText(stats: MergedStats): string {
  const plain = byName([...stats.counters, ...stats.gauges]).map(([name, value]) => `${name}: ${value}\n`)
  const histograms = byName(stats.histograms).map(([name, histogram]) => `${name}: ${quantilesText(histogram)}\n`)
  return [...plain, ...histograms].join('')
}

/** `/stats?format=json`: likewise, histograms together as the last. */
export function statsJson(stats: MergedStats): unknown {
  const plain = byName([...stats.counters, ...stats.gauges]).map(([name, value]) => ({ name, value }))
  const histograms = byName(stats.histograms)
  return { stats: histograms.length === 0 ? plain : [...plain, { histograms: quantilesJson(histograms) }] }
}

/** Prometheus text format 0.0.4, with Envoy's names and tags. */
export function prometheusText(stats: MergedStats, tags: readonly StatTag[]): string {
  const families = new Map<string, { type: string; lines: string[] }>()
  const family = (name: string, type: string) => {
    let found = families.get(name)
    if (found === undefined) {
      found = { type, lines: [] }
      families.set(name, found)
    }
    return found.lines
  }
  const plain = (list: ReadonlyMap<string, number>, type: string) => {
    for (const [raw, value] of list) {
      const { name, labels } = envoyName(raw, tags)
      family(name, type).push(`${name}{${labels}} ${value}`)
    }
  }
  plain(stats.counters, 'counter')
  plain(stats.gauges, 'gauge')
  for (const [raw, histogram] of stats.histograms) {
    const { name, labels } = envoyName(raw, tags)
    pushHistogram(family(name, 'histogram'), name, labels, histogram)
  }
  for (const series of stats.istio) {
    const labels = Object.entries(series.labels)
      .map(([key, value]) => `${key}="${escapeLabel(value)}"`)
      .join(',')
    family('istio_requests_total', 'counter').push(`istio_requests_total{${labels}} ${series.requests}`)
    pushHistogram(
      family('istio_request_duration_milliseconds', 'histogram'),
      'istio_request_duration_milliseconds',
      labels,
      series.duration,
    )
    pushHistogram(family('istio_request_bytes', 'histogram'), 'istio_request_bytes', labels, series.requestBytes)
    pushHistogram(family('istio_response_bytes', 'histogram'), 'istio_response_bytes', labels, series.responseBytes)
  }
  let text = ''
  for (const [name, { type, lines }] of families) text += `# TYPE ${name} ${type}\n${lines.join('\n')}\n\n`
  return text
}

function pushHistogram(
  lines: string[],
  name: string,
  labels: string,
  { bounds, counts, sum, count }: HistogramSnapshot,
): void {
  const before = labels === '' ? '' : `${labels},`
  let total = 0
  for (let i = 0; i < bounds.length; i++) {
    total += counts[i]
    lines.push(`${name}_bucket{${before}le="${bounds[i]}"} ${total}`)
  }
  lines.push(
    `${name}_bucket{${before}le="+Inf"} ${count}`,
    `${name}_sum{${labels}} ${sum}`,
    `${name}_count{${labels}} ${count}`,
  )
}

function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))
}
