import type { Cell } from '../../telemetry/metrics.ts'
import type { StatsScope } from '../stats/scope.ts'

/** `http2.*`, and `cluster.<name>.http2.*`, by Envoy's names. */
export interface Http2Stats {
  readonly rxReset: Cell
  readonly txReset: Cell
  readonly goAwaySent: Cell
  readonly rxMessagingError: Cell
  readonly headerOverflow: Cell
  readonly emptyMetadata: Cell
  readonly floods: Readonly<Record<Flood, Cell>>
}

/** The limits of the flood guard, as they are counted. */
const FLOODS = [
  'inbound_empty_frames_flood',
  'inbound_priority_frames_flood',
  'inbound_window_update_frames_flood',
  'outbound_flood',
  'outbound_control_flood',
  'too_many_premature_resets',
] as const
/** Which limit of the flood guard was passed, by the name of its counter. */
export type Flood = (typeof FLOODS)[number]

/** `scope` ends in `http2.` */
export function http2Stats(scope: StatsScope): Http2Stats {
  return {
    rxReset: scope.counter('rx_reset'),
    txReset: scope.counter('tx_reset'),
    goAwaySent: scope.counter('goaway_sent'),
    rxMessagingError: scope.counter('rx_messaging_error'),
    headerOverflow: scope.counter('header_overflow'),
    emptyMetadata: scope.counter('metadata_empty_frames'),
    floods: Object.fromEntries(FLOODS.map((name) => [name, scope.counter(name)])) as Record<Flood, Cell>,
  }
}
