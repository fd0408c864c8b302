import { invalid } from '../../config/fields.ts'
import type { StreamInfo } from '../stream-info.ts'
import type { Operator } from './operator.ts'

/** The monotonic clock at Envoy's points; 0: has not been. */
const POINTS: Readonly<Record<string, (info: StreamInfo) => number>> = {
  DS_RX_BEG: (i) => i.startMono,
  DS_RX_END: (i) => i.requestCompleteMono,
  US_CX_BEG: (i) => i.upstreamConnection?.beganMono ?? 0,
  US_CX_END: (i) => i.upstreamConnection?.connectedMono ?? 0,
  US_HS_END: (i) => i.upstreamConnection?.securedMono ?? 0,
  US_TX_BEG: (i) => i.firstUpstreamTxMono,
  US_TX_END: (i) => i.lastUpstreamTxMono,
  US_RX_BEG: (i) => i.firstUpstreamRxMono,
  US_RX_END: (i) => i.lastUpstreamRxMono,
  DS_TX_BEG: (i) => i.firstDownstreamTxMono,
  DS_TX_END: (i) => i.lastDownstreamTxMono,
}

/** Units in a millisecond. */
const PRECISIONS: Readonly<Record<string, number>> = { ms: 1, us: 1e3, ns: 1e6 }

/** `%COMMON_DURATION(from:to:precision)%`: the time between two points of a request. */
export function commonDuration(argument: string | undefined, path: string): Operator {
  const [from, to, precision = 'ms', more] = (argument ?? '').split(':')
  if (to === undefined || more !== undefined) throw invalid(path, `«${argument}» is not from:to or from:to:precision`)
  const [begin, end] = [point(from, path), point(to, path)]
  if (!Object.hasOwn(PRECISIONS, precision)) throw invalid(path, `${precision} is none of ms, us and ns`)
  const units = PRECISIONS[precision]
  return (info) => {
    const [first, last] = [begin(info), end(info)]
    // A connection may be older than the request.
    return first === 0 || last === 0 || last < first ? undefined : Math.floor((last - first) * units)
  }
}

function point(name: string, path: string): (info: StreamInfo) => number {
  if (!Object.hasOwn(POINTS, name)) throw invalid(path, `${name} is none of ${Object.keys(POINTS).join(', ')}`)
  return POINTS[name]
}
