import type { TokenBucket as TokenBucketProto } from '../../../gen/envoy/type/v3/token_bucket_pb.ts'
import { durationMs, invalid } from '../config/fields.ts'

const MIN_INTERVAL_MS = 50
const NS_PER_MS = 1e6
const NS_PER_SECOND = 1e9
/** A bucket that takes longer to fill, 146 years, would not fit into the number that stands for it. */
const LONGEST_FILL_NS = 2 ** 62

/** How many tokens a bucket holds (0: it refuses all) and how fast they come back: steadily, not in portions, as in Envoy since 1.33. */
export class TokenBucketSettings {
  readonly max: number
  readonly nsPerToken: number

  constructor(proto: TokenBucketProto, path: string) {
    const intervalMs = durationMs(proto.fillInterval, 0)
    if (intervalMs < MIN_INTERVAL_MS) throw invalid(`${path}.fill_interval`, `must be at least ${MIN_INTERVAL_MS}ms`)
    if (proto.tokensPerFill === 0) throw invalid(`${path}.tokens_per_fill`, 'must be greater than 0')
    this.max = proto.maxTokens
    this.nsPerToken = Math.min((intervalMs * NS_PER_MS) / (proto.tokensPerFill ?? 1), LONGEST_FILL_NS / this.max)
  }
}

/**
 * Tokens, of which all that needs to be known is one number: since when the bucket would be filling had it been empty then. So
 * workers can share it by compare and exchange. 0 stands for a full one.
 */
export class TokenBucket {
  readonly settings: TokenBucketSettings
  readonly #cells: BigInt64Array
  readonly #at: number

  /** The number stands in `cells`, at that place. */
  constructor(settings: TokenBucketSettings, cells: BigInt64Array, at = 0) {
    this.settings = settings
    this.#cells = cells
    this.#at = at
  }

  /** Takes as many, or none where there are fewer. Less than 0 gives back. */
  take(count: number): boolean {
    const { max, nsPerToken } = this.settings
    for (;;) {
      const before = Atomics.load(this.#cells, this.#at)
      // Not performance.now(), which begins at 0 in every thread.
      const now = process.hrtime.bigint()
      const tokens = this.#tokens(before, now)
      if (tokens < count) return false
      const left = Math.min(max, tokens - count)
      // Rounded up: the tokens that are left must not turn out to be a little fewer.
      const after = now - BigInt(Math.ceil(left * nsPerToken))
      if (Atomics.compareExchange(this.#cells, this.#at, before, after) === before) return true
    }
  }

  get remaining(): number {
    return Math.floor(this.#tokens(Atomics.load(this.#cells, this.#at), process.hrtime.bigint()))
  }

  /** Until there is one, in whole seconds. */
  get resetSeconds(): number {
    const tokens = this.#tokens(Atomics.load(this.#cells, this.#at), process.hrtime.bigint())
    return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) * this.settings.nsPerToken) / NS_PER_SECOND)
  }

  #tokens(emptyAt: bigint, now: bigint): number {
    const { max, nsPerToken } = this.settings
    return emptyAt === 0n ? max : Math.min(max, Number(now - emptyAt) / nsPerToken)
  }
}
