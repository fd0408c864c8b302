import { type Descriptor, identity } from '../../rate-limit/descriptor.ts'
import { TokenBucket, type TokenBucketSettings } from '../../rate-limit/token-bucket.ts'

/** A bucket of the configuration, and for which descriptors it is. */
export interface BucketRule {
  /** Of its entries; '' for the default bucket. */
  readonly identity: string
  readonly settings: TokenBucketSettings
  /** `shadow_mode`: it refuses nobody, and counts whom it would have. */
  readonly shadow: boolean
}

/** Where a bucket keeps its state. */
export type MakeCell = () => BigInt64Array

interface Limit {
  readonly rule: BucketRule
  readonly bucket: TokenBucket
}

/** What the buckets said of a request. */
export interface Outcome {
  readonly allowed: boolean
  readonly bucket: TokenBucket | undefined
  readonly shadow: boolean
  /** As the descriptor's own. */
  readonly describe: boolean | undefined
}

const NO_LIMIT: Outcome = { allowed: true, bucket: undefined, shadow: false, describe: undefined }

/** The default bucket and those for descriptors. */
export class Limiter {
  readonly #default: TokenBucket | undefined
  readonly #limits = new Map<string, Limit>()
  readonly #alwaysDefault: boolean

  constructor(
    defaults: TokenBucketSettings | undefined,
    rules: readonly BucketRule[],
    alwaysDefault: boolean,
    cell: MakeCell,
  ) {
    this.#default = defaults && new TokenBucket(defaults, cell())
    for (const rule of rules) this.#limits.set(rule.identity, { rule, bucket: new TokenBucket(rule.settings, cell()) })
    this.#alwaysDefault = alwaysDefault
  }

  /** Takes from the buckets of all descriptors that match, the slowest to fill first, and then from the default one. */
  ask(descriptors: readonly Descriptor[]): Outcome {
    const found = this.#find(descriptors)
    for (const { bucket, rule, descriptor } of found) {
      const { hits = 1, describe } = descriptor
      if (!bucket.take(hits)) return { allowed: false, bucket, shadow: rule.shadow, describe }
    }
    if (this.#default !== undefined && (found.length === 0 || this.#alwaysDefault) && !this.#default.take(1))
      return { ...NO_LIMIT, allowed: false, bucket: this.#default }
    if (found.length === 0) return { ...NO_LIMIT, bucket: this.#default }
    return { ...NO_LIMIT, bucket: found[0].bucket, describe: found[0].descriptor.describe }
  }

  #find(descriptors: readonly Descriptor[]): (Limit & { readonly descriptor: Descriptor })[] {
    const found: (Limit & { readonly descriptor: Descriptor })[] = []
    for (const descriptor of descriptors) {
      const limit = this.#limits.get(identity(descriptor.entries))
      if (limit !== undefined) found.push({ ...limit, descriptor })
    }
    return found.sort((a, b) => b.rule.settings.nsPerToken - a.rule.settings.nsPerToken)
  }
}
