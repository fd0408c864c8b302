import type { HeaderMap } from '../../base/header-map.ts'
import type { CallSpan } from '../cluster/async-client.ts'
import type { Host } from '../cluster/host.ts'
import type { UpstreamFailure } from '../cluster/upstream.ts'

/** One span for all tries of a call, as Envoy's client has it: what came of the last one is what it tells. */
export class RetriedSpan implements CallSpan {
  readonly #span: CallSpan
  #outcome: (() => void) | undefined
  #last = false

  constructor(span: CallSpan) {
    this.#span = span
  }

  begin(): this {
    this.#outcome = undefined
    return this
  }

  /** No try follows. Comes before the end of one that was answered, and after the end of one that was not. */
  finish(): void {
    this.#last = true
    this.#outcome?.()
  }

  tag(name: string, value: string): void {
    this.#span.tag(name, value)
  }

  onConnected(host: Host): void {
    this.#span.onConnected(host)
  }

  onHeaders(headers: HeaderMap): void {
    this.#span.onHeaders(headers)
  }

  ended(): void {
    this.#span.ended()
  }

  complete(trailers: HeaderMap | undefined): void {
    this.#over(() => this.#span.complete(trailers))
  }

  reset(failure: UpstreamFailure, reason: string): void {
    this.ended()
    this.#over(() => this.#span.reset(failure, reason))
  }

  cancel(flag: number): void {
    this.ended()
    this.#over(() => this.#span.cancel(flag))
  }

  #over(outcome: () => void): void {
    if (this.#last) outcome()
    else this.#outcome = outcome
  }
}
