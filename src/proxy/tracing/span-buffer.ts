import type { Cell } from '../../telemetry/metrics.ts'
import type { StatsScope } from '../stats/scope.ts'
import type { Span } from './span.ts'

/** Sends a batch; calls `done` when the next one may be sent. */
export type SendSpans = (spans: readonly Span[], done: () => void) => void

/**
 * Finished spans on their way out. As Envoy's they leave when there are some, and else after a while; but never from within a
 * request, and one batch at a time: under load what gathers meanwhile goes with the next one.
 */
export class SpanBuffer {
  readonly #send: SendSpans
  readonly #minSpans: number
  readonly #intervalMs: number
  readonly #sent: Cell
  readonly #dropped: Cell
  readonly #timerFlushed: Cell
  #spans: Span[] = []
  #timer: NodeJS.Timeout | undefined
  #soon: NodeJS.Immediate | undefined
  #sending = false

  constructor(stats: StatsScope, prefix: string, minSpans: number, intervalMs: number, send: SendSpans) {
    this.#send = send
    this.#minSpans = minSpans
    this.#intervalMs = intervalMs
    this.#sent = stats.counter(`${prefix}.spans_sent`)
    this.#dropped = stats.counter(`${prefix}.spans_dropped`)
    this.#timerFlushed = stats.counter(`${prefix}.timer_flushed`)
  }

  add(span: Span): void {
    if (this.#spans.length >= MAX_WAITING) {
      this.#dropped.value++
      return
    }
    this.#spans.push(span)
    if (this.#spans.length >= this.#minSpans) this.#soon ??= setImmediate(this.#onSoon)
    else this.#timer ??= setTimeout(this.#onTimer, this.#intervalMs).unref()
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#sending || this.#spans.length === 0) return
    const batch = this.#spans.splice(0, MAX_BATCH)
    this.#sending = true
    this.#sent.value += batch.length
    this.#send(batch, this.#onDone)
  }

  readonly #onSoon = (): void => {
    this.#soon = undefined
    this.flush()
  }

  readonly #onTimer = (): void => {
    this.#timerFlushed.value++
    this.flush()
  }

  readonly #onDone = (): void => {
    this.#sending = false
    if (this.#spans.length >= this.#minSpans) this.flush()
    else if (this.#spans.length > 0) this.#timer ??= setTimeout(this.#onTimer, this.#intervalMs).unref()
  }
}

/** The batch of OpenTelemetry's SDKs: far below the 4 MB that a gRPC collector takes. */
const MAX_BATCH = 512
const MAX_WAITING = 16 * MAX_BATCH
