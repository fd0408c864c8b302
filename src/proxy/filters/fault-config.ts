/** The settings of `envoy.filters.http.fault`, read once. */
import type { FaultDelay, FaultRateLimit } from '../../../gen/envoy/extensions/filters/common/fault/v3/fault_pb.ts'
import {
  type FaultAbort,
  type HTTPFault,
  HTTPFaultSchema,
} from '../../../gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import type { FractionalPercent } from '../../../gen/envoy/type/v3/percent_pb.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { Cell } from '../../telemetry/metrics.ts'
import { durationMs, invalid, onlyFields, pauseMs } from '../config/fields.ts'
import type { FactoryContext } from '../context.ts'
import { type HeaderMatch, headerMatch } from '../match/header.ts'
import { CountPlace, ProcessCount } from '../process-count.ts'
import { fraction } from '../route/route-match.ts'
import type { StatsScope } from '../stats/scope.ts'
import { LONGEST_TIMER } from '../timeout-queue.ts'

/** A compiled HTTPFault: of the filter, or of a route. */
export interface FaultSettings {
  readonly delayMs: Amount | undefined
  readonly abort: Abort | undefined
  /** Of responses, in KiB a second. */
  readonly rate: Amount | undefined
  readonly headers: readonly HeaderMatch[]
  readonly upstreamCluster: string
  readonly downstreamNodes: ReadonlySet<string>
  readonly maxActive: number
  /** Of requests that meet a fault. */
  readonly metadata: Record<string, unknown>
  /** By the downstream cluster that a request names. */
  readonly countsClusters: boolean
}

/** Of all filters with the same prefix, whatever a route says. */
export interface FaultStats {
  readonly aborts: Cell
  readonly delays: Cell
  readonly rateLimits: Cell
  readonly overflows: Cell
  readonly active: Cell
  readonly byCluster: ClusterCounts
  /** Those of all threads. */
  readonly count: ProcessCount
}

/** Names come from clients: no more than so many have counters. */
const MOST_CLUSTERS = 1000

/** What is counted by the cluster that a request says it is from. */
class ClusterCounts {
  readonly #scope: StatsScope
  readonly #cells = new Map<string, Cell>()

  constructor(scope: StatsScope) {
    this.#scope = scope
  }

  count(cluster: string, counter: string): void {
    const name = `${cluster}.${counter}`
    let cell = this.#cells.get(name)
    if (cell === undefined) {
      if (this.#cells.size >= 2 * MOST_CLUSTERS) return
      cell = this.#scope.counter(name)
      this.#cells.set(name, cell)
    }
    cell.value++
  }
}

interface Abort {
  readonly status: Amount
  /** Asked where there is no status. */
  readonly grpcStatus: Amount
}

const FIELDS = [
  'delay',
  'abort',
  'upstream_cluster',
  'headers',
  'downstream_nodes',
  'max_active_faults',
  'response_rate_limit',
  'disable_downstream_cluster_stats',
  'filter_metadata',
]

/** How much of a fault a request meets: as configured, or as its header says where the client may ask for faults. */
class Amount {
  readonly #fixed: number | undefined
  readonly #header: string
  readonly #min: number
  readonly #max: number
  readonly #share: number
  readonly #unit: number
  readonly #shareHeader: string

  /** `asked`: the header by which a client asks, `bounds`: what it may ask for. */
  constructor(
    fixed: number | undefined,
    percentage: FractionalPercent | undefined,
    asked = '',
    [min, max]: readonly [number, number] = [0, 0],
    shareHeader = `${asked}-percentage`,
  ) {
    this.#fixed = fixed
    this.#header = asked
    this.#min = min
    this.#max = max
    this.#share = percentage === undefined ? 0 : fraction(percentage)
    this.#unit = percentage === undefined ? 0 : fraction({ ...percentage, numerator: 1 })
    this.#shareHeader = asked === '' ? '' : shareHeader
  }

  /** By chance: a client may ask for a smaller part of its requests than the configuration allows. */
  strikes(headers: HeaderMap): boolean {
    let share = this.#share
    if (this.#shareHeader !== '') {
      const asked = whole(headers.get(this.#shareHeader))
      if (asked !== undefined) share = Math.min(share, asked * this.#unit)
    }
    return share > 0 && Math.random() < share
  }

  of(headers: HeaderMap): number | undefined {
    if (this.#header === '') return this.#fixed
    const asked = whole(headers.get(this.#header))
    return asked !== undefined && asked >= this.#min && asked <= this.#max ? asked : undefined
  }
}

/** Compiles a config. Throws on fields that the proxy does not have, and on shares and codes that no request could meet. */
export function faultSettings(config: HTTPFault): FaultSettings {
  onlyFields(HTTPFaultSchema, config, FIELDS, 'fault')
  return {
    delayMs: config.delay && delay(config.delay),
    abort: config.abort && abort(config.abort),
    rate: config.responseRateLimit && rate(config.responseRateLimit),
    headers: config.headers.map((m, i) => headerMatch(m, `fault.headers[${i}]`)),
    upstreamCluster: config.upstreamCluster,
    downstreamNodes: new Set(config.downstreamNodes),
    maxActive: config.maxActiveFaults ?? Number.POSITIVE_INFINITY,
    metadata: config.filterMetadata ?? {},
    countsClusters: !config.disableDownstreamClusterStats,
  }
}

/** What the filter counts, under `<stat_prefix>fault.`; `active` is that of all workers, for `max_active_faults`. */
export function faultStats({ stats, statPrefix, workerIndex, prepared }: FactoryContext): FaultStats {
  const scope = stats.scope(`${statPrefix}fault.`)
  const memory = prepared as SharedArrayBuffer | undefined
  return {
    aborts: scope.counter('aborts_injected'),
    delays: scope.counter('delays_injected'),
    rateLimits: scope.counter('response_rl_injected'),
    overflows: scope.counter('faults_overflow'),
    active: scope.gauge('active_faults'),
    byCluster: new ClusterCounts(scope),
    count: new ProcessCount(memory && new CountPlace(memory, workerIndex)),
  }
}

function delay({ faultDelaySecifier: kind, percentage }: FaultDelay): Amount {
  if (kind.case === 'headerDelay')
    return new Amount(undefined, percentage, 'x-envoy-fault-delay-request', [0, LONGEST_TIMER])
  if (kind.case !== 'fixedDelay') throw invalid('fault.delay', 'fixed_delay or header_delay is missing')
  pauseMs(kind.value, 0, 'fault.delay.fixed_delay')
  // As Envoy: in whole milliseconds, of which there may be none.
  return new Amount(Math.floor(durationMs(kind.value, 0)), percentage)
}

function abort({ errorType: kind, percentage }: FaultAbort): Abort {
  const none = new Amount(undefined, undefined)
  switch (kind.case) {
    case 'httpStatus':
      if (kind.value < 200 || kind.value > 599) throw invalid('fault.abort.http_status', 'must be 200 to 599')
      return { status: new Amount(kind.value, percentage), grpcStatus: none }
    case 'grpcStatus':
      return { status: new Amount(undefined, percentage), grpcStatus: new Amount(kind.value, percentage) }
    case 'headerAbort':
      return {
        status: new Amount(undefined, percentage, 'x-envoy-fault-abort-request', [200, 599]),
        grpcStatus: new Amount(undefined, percentage, 'x-envoy-fault-abort-grpc-request', [0, 0xffff_ffff]),
      }
    default:
      throw invalid('fault.abort', 'http_status, grpc_status or header_abort is missing')
  }
}

function rate({ limitType: kind, percentage }: FaultRateLimit): Amount {
  const asked = 'x-envoy-fault-throughput-response'
  if (kind.case === 'headerLimit') return new Amount(undefined, percentage, asked, [1, Number.MAX_SAFE_INTEGER])
  if (kind.case !== 'fixedLimit') throw invalid('fault.response_rate_limit', 'fixed_limit or header_limit is missing')
  const kib = Number(kind.value.limitKbps)
  if (kib === 0) throw invalid('fault.response_rate_limit.fixed_limit.limit_kbps', 'must be at least 1')
  return new Amount(kib, percentage)
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
