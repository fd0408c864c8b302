import { BodyBuffer } from '../../../../src/base/body-buffer.ts'
import type { HeaderMap } from '../../../../src/base/header-map.ts'
import { DATA_STATUS, HEADERS_STATUS } from '../../../../src/wasm/index.ts'

/** The listener's buffer limit in the cases (envoy-config.ts). */
const LIMIT = 65536

export type Part =
  | { readonly headers: HeaderMap; readonly end: boolean }
  | { readonly data: Buffer; readonly end: boolean }
  | { readonly trailers: HeaderMap }

/** What a direction asks of its stream. */
export interface DirectionEvents {
  onHeaders(headers: HeaderMap, end: boolean): number
  onData(hand: BodyBuffer, end: boolean): number
  onTrailers(trailers: HeaderMap): number
  /** The direction's headers go on to the other side. */
  forwarded(): void
  /** All of it went on. */
  finished(): void
  overLimit(headersSent: boolean): void
}

/** Requests or responses of one stream on their way through one filter: Envoy's filter manager, as far as one filter sees it. */
export class Direction {
  readonly sent = new BodyBuffer()
  headersSent = false
  /** No more parts are taken: answered, or reset. */
  cut = false
  readonly #events: DirectionEvents
  readonly #parts: Part[] = []
  #held = new BodyBuffer()
  #cumulative = false
  #stoppedAll = false
  #bufferAll = false
  #headersHeld = false
  #ended = false
  #waiting = false
  #done = false
  #running = false

  constructor(events: DirectionEvents) {
    this.#events = events
  }

  push(...parts: Part[]): void {
    this.#parts.push(...parts)
    this.#pump()
  }

  /** What the filter may still read while it holds the body. */
  get held(): BodyBuffer {
    return this.#held
  }

  continue(): void {
    if (this.cut) return
    this.#stoppedAll = false
    this.#waiting = false
    this.#release()
    this.#pump()
    this.#finishIfEnded()
  }

  #pump(): void {
    if (this.#running) return
    this.#running = true
    while (this.#parts.length > 0 && !this.#stoppedAll && !this.cut) this.#take(this.#parts.shift() as Part)
    this.#running = false
    if (this.#stoppedAll && this.#bufferAll && !this.cut) {
      const waiting = this.#parts.reduce((sum, part) => sum + ('data' in part ? part.data.length : 0), 0)
      if (waiting > LIMIT) this.#events.overLimit(this.headersSent)
    }
  }

  #take(part: Part): void {
    if ('headers' in part) this.#headers(part.headers, part.end)
    else if ('data' in part) this.#data(part.data, part.end)
    else this.#trailers(part.trailers)
  }

  #headers(headers: HeaderMap, end: boolean): void {
    this.#headersHeld = true
    this.#ended = end
    this.#stoppedAll = true
    const status = this.#events.onHeaders(headers, end)
    if (this.cut) return
    // Continued from within, or at the end of, the call.
    if (!this.#headersHeld) return
    this.#stoppedAll = status !== HEADERS_STATUS.continue && status !== HEADERS_STATUS.stopIteration
    this.#bufferAll = status === HEADERS_STATUS.stopAllIterationAndBuffer
    this.#waiting = status !== HEADERS_STATUS.continue
    if (status !== HEADERS_STATUS.continue) return
    this.#release()
    this.#finishIfEnded()
  }

  #data(chunk: Buffer, end: boolean): void {
    this.#ended = end
    const hand = new BodyBuffer()
    if (this.#cumulative) hand.move(this.#held)
    hand.add(chunk)
    this.#waiting = true
    const before = this.#held
    if (this.#cumulative) this.#held = hand
    const status = this.#events.onData(hand, end)
    if (this.cut) return
    if (!this.#waiting && this.#cumulative) return
    this.#cumulative = status === DATA_STATUS.stopIterationAndBuffer
    if (status === DATA_STATUS.stopIterationNoBuffer) return
    if (before !== hand && this.#held !== hand) this.#held.move(hand)
    if (status !== DATA_STATUS.continue) {
      if (this.#held.length > LIMIT && status === DATA_STATUS.stopIterationAndBuffer)
        this.#events.overLimit(this.headersSent)
      return
    }
    this.#waiting = false
    this.#release()
    this.#finishIfEnded()
  }

  #trailers(trailers: HeaderMap): void {
    this.#ended = true
    this.#waiting = true
    const status = this.#events.onTrailers(trailers)
    if (this.cut || !this.#waiting) return
    this.#waiting = status !== 0
    if (status !== 0) return
    this.#release()
    this.#finishIfEnded()
  }

  /** Headers and held data go on. */
  #release(): void {
    if (this.#headersHeld) {
      this.#headersHeld = false
      this.headersSent = true
      this.#events.forwarded()
    }
    this.sent.move(this.#held)
    this.#cumulative = false
  }

  #finishIfEnded(): void {
    if (!this.#ended || this.#waiting || this.#parts.length > 0 || this.#done || this.cut) return
    this.#done = true
    this.#events.finished()
  }
}
