import type { RouteAction_MaxStreamDuration } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { durationMs } from '../config/fields.ts'
import { grpcTimeout, toGrpcTimeout } from '../http/grpc-timeout.ts'
import { isGrpc } from './route-match.ts'

/** A route's `max_stream_duration`. */
export interface StreamDuration {
  /** undefined: the connection manager's; 0: none. */
  readonly maxMs: number | undefined
  /** The longest that a `grpc-timeout` may ask for; 0: whatever it asks for; undefined: it is not looked at. */
  readonly grpcMaxMs: number | undefined
  /** What the client's time limit is cut by, so that our answer comes before the client gives up. */
  readonly grpcOffsetMs: number
}

/** Reads `max_stream_duration` of a route. */
export function streamDuration(proto: RouteAction_MaxStreamDuration | undefined): StreamDuration | undefined {
  if (proto === undefined) return undefined
  const optional = (value: typeof proto.maxStreamDuration) => value && durationMs(value, 0)
  return {
    maxMs: optional(proto.maxStreamDuration),
    grpcMaxMs: optional(proto.grpcTimeoutHeaderMax),
    grpcOffsetMs: durationMs(proto.grpcTimeoutHeaderOffset, 0),
  }
}

/** How long a stream on such a route may take (Envoy's ActiveStream::refreshDurationTimeout); 0: as long as it will. */
export function routeDuration(
  headers: HeaderMap,
  { maxMs, grpcMaxMs, grpcOffsetMs }: StreamDuration,
  { maxStreamDurationMs }: { readonly maxStreamDurationMs: number },
): number {
  const asked = grpcMaxMs === undefined ? undefined : grpcTimeout(headers.get('grpc-timeout'))
  let ms = maxMs ?? maxStreamDurationMs
  if (asked === undefined || grpcMaxMs === undefined) {
    if (ms === 0) return 0
  } else {
    ms = grpcMaxMs === 0 ? asked : Math.min(asked, grpcMaxMs)
    if (grpcOffsetMs < ms) ms -= grpcOffsetMs
  }
  // A server is told how long it has, whoever says so.
  if (isGrpc(headers)) headers.put('grpc-timeout', toGrpcTimeout(ms))
  return Math.max(1, ms)
}
