import { getSharedData, now, setSharedData, SharedValue, Status } from "@sluice/assemblyscript"
import { Config } from "./config"

const NANOSECONDS: u64 = 1_000_000_000

/**
 * Tokens and the time of the last refill, in shared data: all threads of the proxy take from one bucket. Both are one value, so
 * that no thread sees one without the other, and the refill is worked out when a token is taken: no timer can come late.
 */
export class Bucket {
  private readonly key: string
  private readonly max: u64
  private readonly perRefill: u64
  private readonly interval: u64

  constructor(name: string, config: Config) {
    this.key = `local_rate_limit.${name}`
    this.max = config.maxTokens
    this.perRefill = config.tokensPerRefill
    this.interval = config.refillIntervalSeconds * NANOSECONDS
  }

  /** A bucket that is there already, of another thread or of the configuration before, is left as it is. */
  fill(): void {
    if (getSharedData(this.key) === null) setSharedData(this.key, encode(min(this.perRefill, this.max), now()))
  }

  /** False when there is no token. */
  take(): bool {
    // As many losses in a row would need as many threads that each win in between.
    for (let i = 0; i < 100; i++) {
      const value = getSharedData(this.key)
      if (value === null) return false
      const last = lastOf(value)
      const refills = this.refillsSince(last)
      const tokens = this.refilled(tokensOf(value), refills)
      if (tokens == 0) return false
      if (setSharedData(this.key, encode(tokens - 1, last + refills * this.interval), value.cas) == Status.Ok) return true
    }
    return false
  }

  private refillsSince(last: u64): u64 {
    const time = now()
    return this.interval == 0 || time <= last ? 0 : (time - last) / this.interval
  }

  /** Without overflow, however long nobody came and however much a refill adds. */
  private refilled(tokens: u64, refills: u64): u64 {
    const room = this.max - min(tokens, this.max)
    if (refills == 0 || this.perRefill == 0) return min(tokens, this.max)
    return refills > room / this.perRefill ? this.max : min(tokens, this.max) + refills * this.perRefill
  }
}

function encode(tokens: u64, last: u64): ArrayBuffer {
  const out = new ArrayBuffer(16)
  store<u64>(changetype<usize>(out), tokens)
  store<u64>(changetype<usize>(out), last, 8)
  return out
}

function tokensOf(value: SharedValue): u64 {
  return load<u64>(changetype<usize>(value.bytes))
}

function lastOf(value: SharedValue): u64 {
  return load<u64>(changetype<usize>(value.bytes), 8)
}
