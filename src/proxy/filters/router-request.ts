import { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { RouteSettings } from '../route/route-entry.ts'
import { isGrpc } from '../route/route-match.ts'

/** What a request cannot do without; a filter may have taken it away. */
export function hasRequiredHeaders(headers: HeaderMap): boolean {
  const method = headers.get(':method')
  if (method === undefined || method === '' || headers.get(':authority') === undefined) return false
  return method === 'CONNECT' || Boolean(headers.get(':path'))
}

/** The time that the whole answer may take: of the route, of gRPC's own header, or as a trusted caller asks, whose header goes. */
export function takeTimeout(headers: HeaderMap, settings: RouteSettings): number {
  let ms = settings.timeoutMs
  if (settings.maxGrpcTimeoutMs >= 0 && isGrpc(headers)) {
    const asked = grpcTimeout(headers.get('grpc-timeout'))
    if (asked !== undefined) ms = settings.maxGrpcTimeoutMs === 0 ? asked : Math.min(asked, settings.maxGrpcTimeoutMs)
  }
  const header = headers.get('x-envoy-upstream-rq-timeout-ms')
  if (header === undefined) return ms
  const trusted = headers.get('x-envoy-internal') === 'true'
  headers.remove('x-envoy-upstream-rq-timeout-ms')
  return trusted && /^[0-9]{1,9}$/.test(header) ? Number(header) : ms
}

export function copyOf(body: BodyBuffer): BodyBuffer {
  const copy = new BodyBuffer()
  for (const chunk of body.chunks) copy.add(chunk)
  return copy
}

/** gRPC over HTTP/2, Timeout: digits and a unit. */
function grpcTimeout(value: string | undefined): number | undefined {
  const match = /^([0-9]{1,8})([HMSmun])$/.exec(value ?? '')
  if (match === null) return undefined
  const unit = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000001 }[match[2]] as number
  return Math.max(1, Math.ceil(Number(match[1]) * unit))
}

/** Outlier detection counts gRPC's server faults like HTTP's. */
export function grpcFailure(headers: HeaderMap, status: number): number {
  const grpc = headers.get('grpc-status')
  if (grpc === undefined || status !== 200) return status
  return grpc === '14' || grpc === '13' || grpc === '2' || grpc === '15' ? 503 : status
}
