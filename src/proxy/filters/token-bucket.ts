import { performance } from 'node:perf_hooks'
import type { TokenBucket as TokenBucketProto } from '../../../gen/envoy/type/v3/token_bucket_pb.ts'
import { durationMs, invalid } from '../config/fields.ts'

/** Tokens that come back in portions at fixed times. */
export class TokenBucket {
  readonly max: number
  readonly #portion: number
  readonly #intervalMs: number
  #tokens: number
  #filled: number

  constructor(proto: TokenBucketProto, path: string) {
    this.max = proto.maxTokens
    this.#portion = proto.tokensPerFill ?? 1
    this.#intervalMs = durationMs(proto.fillInterval, 0)
    if (this.#intervalMs < 50) throw invalid(`${path}.fill_interval`, 'must be at least 50ms')
    if (this.max === 0) throw invalid(`${path}.max_tokens`, 'must be greater than 0')
    this.#tokens = this.max
    this.#filled = performance.now()
  }

  take(): boolean {
    this.#fill()
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }

  get remaining(): number {
    return Math.floor(this.#tokens)
  }

  /** Until the next portion, in whole seconds. */
  get resetSeconds(): number {
    return Math.ceil(Math.max(0, this.#filled + this.#intervalMs - performance.now()) / 1000)
  }

  #fill(): void {
    const portions = Math.floor((performance.now() - this.#filled) / this.#intervalMs)
    if (portions <= 0) return
    this.#filled += portions * this.#intervalMs
    this.#tokens = Math.min(this.max, this.#tokens + portions * this.#portion)
  }
}
