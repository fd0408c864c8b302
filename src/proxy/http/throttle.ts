import type { ResponseEncoder } from './codec.ts'
import type { HttpStream } from './stream.ts'

/** Whoever produces the request (the codec, or a filter) and can be slowed down. */
export type DownstreamControl = Pick<ResponseEncoder, 'pauseReading' | 'resumeReading'>

/** Whoever produces the response (the router, or a filter) and can be slowed down. */
export interface UpstreamControl {
  pauseUpstream(): void
  resumeUpstream(): void
}

/** A body in the making: paused, it makes no more. */
export interface Pausable {
  pause(): void
  resume(): void
}

/**
 * A filter that makes another body of the one that comes, with its own ends to wait for: what it has not worked on yet stops its peer,
 * and whoever stops the peer stops the filter first, as little that comes may become much (a decompressor's bomb).
 * Where several filters of a chain do so, each has the one before it for a peer.
 */
export abstract class Throttle {
  readonly #body: Pausable
  /** Those behind take no more. */
  #blocked: boolean
  /** The filter itself takes no more. */
  #full = false

  constructor(body: Pausable, blocked: boolean) {
    this.#body = body
    this.#blocked = blocked
    if (blocked) body.pause()
  }

  protected abstract pausePeer(): void
  protected abstract resumePeer(): void

  full(): void {
    if (this.#full) return
    this.#full = true
    if (!this.#blocked) this.pausePeer()
  }

  drained(): void {
    if (!this.#full) return
    this.#full = false
    if (!this.#blocked) this.resumePeer()
  }

  protected block(): void {
    this.#blocked = true
    this.#body.pause()
    if (!this.#full) this.pausePeer()
  }

  protected unblock(): void {
    this.#blocked = false
    this.#body.resume()
    if (!this.#full) this.resumePeer()
  }
}

class RequestThrottle extends Throttle implements DownstreamControl {
  readonly #peer: DownstreamControl

  constructor(body: Pausable, stream: HttpStream) {
    super(body, stream.downstreamPauses > 0)
    this.#peer = stream.downstream
  }

  pauseReading(): void {
    this.block()
  }

  resumeReading(): void {
    this.unblock()
  }

  protected pausePeer(): void {
    this.#peer.pauseReading()
  }

  protected resumePeer(): void {
    this.#peer.resumeReading()
  }
}

class ResponseThrottle extends Throttle implements UpstreamControl {
  readonly #peer: UpstreamControl | undefined

  constructor(body: Pausable, stream: HttpStream) {
    super(body, stream.upstreamPauses > 0)
    this.#peer = stream.upstream
  }

  pauseUpstream(): void {
    this.block()
  }

  resumeUpstream(): void {
    this.unblock()
  }

  protected pausePeer(): void {
    this.#peer?.pauseUpstream()
  }

  protected resumePeer(): void {
    this.#peer?.resumeUpstream()
  }
}

/** Puts a request's filter between its peer and those who slow that down. */
export function throttleRequest(stream: HttpStream, body: Pausable): Throttle {
  const throttle = new RequestThrottle(body, stream)
  stream.downstream = throttle
  return throttle
}

/** As `throttleRequest`, for a response. */
export function throttleResponse(stream: HttpStream, body: Pausable): Throttle {
  const throttle = new ResponseThrottle(body, stream)
  stream.upstream = throttle
  return throttle
}
