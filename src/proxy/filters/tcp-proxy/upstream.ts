import type { BodyBuffer } from '../../../base/body-buffer.ts'
import type { UpstreamConnection } from '../../cluster/upstream-connection.ts'

/** The other side of a proxied connection: a connection to a host, or a tunnel through one. */
export interface TcpUpstream {
  /** False: it takes no more for now, until `upstreamDrained`. */
  write(data: BodyBuffer, end: boolean): boolean
  pause(): void
  resume(): void
  /** Nothing is told after it; `reset`: with a reset, as the client went. */
  destroy(reset: boolean): void
}

/** Whom it tells. */
export interface TcpUpstreamOwner {
  upstreamReady(about: UpstreamConnection): void
  /** It has not come to be. */
  upstreamFailed(reason: string): void
  /** There is no room for it: another attempt would find none either. */
  upstreamOverflowed(): void
  upstreamData(data: BodyBuffer, end: boolean): void
  upstreamDrained(): void
  /** It was there, and its peer has reset it. */
  upstreamReset(): void
  /** It was there, and is no more. */
  upstreamClosed(): void
}
