import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { MetadataMap } from '../metadata-map.ts'
import type { EndpointHost } from './endpoint-host.ts'
import type { ProxiedAddresses } from './proxy-protocol.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

/** Why no stream could be had, or why it broke. */
export const UpstreamFailure = {
  /** A circuit breaker is open. */
  Overflow: 0,
  ConnectFailure: 1,
  ConnectTimeout: 2,
  /** The connection ended while the request was under way. */
  ConnectionTermination: 3,
  /** The upstream gave up this stream only (HTTP/2 RST_STREAM). */
  RemoteReset: 4,
  ProtocolError: 5,
  /** Refused before it was looked at (REFUSED_STREAM, GOAWAY): may be sent again. */
  RefusedStream: 6,
} as const
export type UpstreamFailure = (typeof UpstreamFailure)[keyof typeof UpstreamFailure]

/** Envoy's words for why an upstream request broke. */
export const FAILURE_WORDS: Readonly<Record<UpstreamFailure, string>> = {
  [UpstreamFailure.Overflow]: 'overflow',
  [UpstreamFailure.ConnectFailure]: 'remote connection failure',
  [UpstreamFailure.ConnectTimeout]: 'connection timeout',
  [UpstreamFailure.ConnectionTermination]: 'connection termination',
  [UpstreamFailure.RemoteReset]: 'remote reset',
  [UpstreamFailure.ProtocolError]: 'protocol error',
  [UpstreamFailure.RefusedStream]: 'remote refused stream reset',
}

/** Of the answer for an upstream request that broke before its own. */
export function resetStatus(failure: UpstreamFailure): number {
  return failure === UpstreamFailure.ProtocolError ? 502 : 503
}

/** What the one that sends a request hears. */
export interface UpstreamCallbacks {
  /** Whom it is for; absent for what the proxy asks of its own accord. */
  readonly proxied?: ProxiedAddresses | undefined
  /** What is asked, where the host's connections depend on it. */
  readonly requestHeaders?: HeaderMap | undefined
  /** The client speaks HTTP/2; absent for what the proxy asks of its own accord. */
  readonly byHttp2?: boolean | undefined
  /** Possibly from within `newStream`. */
  onPoolReady(stream: UpstreamStream, host: EndpointHost): void
  onPoolFailure(failure: UpstreamFailure, reason: string, host: EndpointHost): void
  onUpstreamHeaders(headers: HeaderMap, endStream: boolean): void
  onUpstreamData(data: BodyBuffer, endStream: boolean): void
  onUpstreamTrailers(trailers: HeaderMap): void
  /** HTTP/2 METADATA; also in front of the headers. */
  onUpstreamMetadata?(map: MetadataMap): void
  onUpstreamReset(failure: UpstreamFailure, reason: string): void
  /** The upstream takes less than it is given; or takes more again. */
  onUpstreamBlocked(): void
  onUpstreamDrained(): void
}

/** A request on its way to one host. */
export interface UpstreamStream {
  /** The connection that carries it. */
  readonly about: UpstreamConnection
  /** `isHead`, upgrade and method are read from the headers. */
  sendHeaders(headers: HeaderMap, endStream: boolean): void
  sendData(data: BodyBuffer, endStream: boolean): void
  sendTrailers(trailers: HeaderMap): void
  /** Between headers and end; absent where the protocol has no METADATA. */
  sendMetadata?(map: MetadataMap): void
  /** No callback follows. */
  reset(): void
  pauseReading(): void
  resumeReading(): void
}

/** A request that waits for a connection. */
export interface PendingStream {
  cancel(): void
}
