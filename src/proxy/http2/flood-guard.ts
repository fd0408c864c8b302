import { ErrorCode, Http2Error } from './error-code.ts'
import { Flag, FrameType } from './frame.ts'
import type { Http2Options } from './options.ts'
import type { Flood } from './stats.ts'

/** Envoy's `overload.premature_reset_total_stream_count` and `overload.premature_reset_min_stream_lifetime_seconds`. */
const RESETS = 500
const MIN_LIFETIME_MS = 1000

/** Envoy's limits for frames that cost the sender less than us. A limit that is passed ends the connection. */
export class FloodGuard {
  readonly #options: Http2Options
  #empty = 0
  #priority = 0
  #windowUpdates = 0
  #closed = 0
  #premature = 0
  streams = 0
  dataFrames = 0

  constructor(options: Http2Options) {
    this.#options = options
  }

  /** A frame has come in; `content` is its length without padding. */
  received(type: number, flags: number, content: number): void {
    switch (type) {
      case FrameType.Data:
      case FrameType.Headers:
      case FrameType.Continuation:
      case FrameType.Metadata:
        if (content > 0 || (flags & Flag.EndStream) !== 0) this.#empty = 0
        else if (++this.#empty > this.#options.maxEmptyFrames)
          throw flood('too many frames without payload', 'inbound_empty_frames_flood')
        break
      case FrameType.Priority:
        if (++this.#priority > this.#options.maxPriorityFrames * (1 + this.streams))
          throw flood('too many PRIORITY frames', 'inbound_priority_frames_flood')
        break
      case FrameType.WindowUpdate:
        if (++this.#windowUpdates > 5 + 2 * (this.streams + this.#options.maxWindowUpdates * this.dataFrames))
          throw flood('too many WINDOW_UPDATE frames', 'inbound_window_update_frames_flood')
        break
    }
  }

  /** Frames that wait for the socket. */
  outbound(frames: number, control: number): void {
    if (frames > this.#options.maxOutboundFrames) throw flood('too many frames in the outbound queue', 'outbound_flood')
    if (control > this.#options.maxOutboundControlFrames)
      throw flood('too many control frames in the outbound queue', 'outbound_control_flood')
  }

  /**
   * A request is over: rapid resets (CVE-2023-44487) are many streams that the client gives up, or makes us give up, within a second.
   * As in Envoy half of 500, or of more, is too many.
   */
  streamClosed(reset: boolean, lifetimeMs: number): void {
    this.#closed++
    if (!reset || lifetimeMs >= MIN_LIFETIME_MS) return
    this.#premature++
    if (this.#premature >= Math.max(RESETS, this.#closed) / 2)
      throw flood('too many premature resets', 'too_many_premature_resets')
  }
}

function flood(message: string, name: Flood): Http2Error {
  return new Http2Error(ErrorCode.EnhanceYourCalm, message, name)
}
