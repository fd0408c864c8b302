import { type Descriptor, identity } from '../../rate-limit/descriptor.ts'
import { DynamicBuckets, dynamicCells } from '../../rate-limit/dynamic-buckets.ts'
import { TokenBucket, type TokenBucketSettings } from '../../rate-limit/token-bucket.ts'

/** A bucket of the configuration, and for which descriptors it is. */
export interface BucketRule {
  /** Of its entries. */
  readonly identity: string
  readonly settings: TokenBucketSettings
  /** `shadow_mode`: it refuses nobody, and counts whom it would have. */
  readonly shadow: boolean
  /** With entries of which some have no value: a bucket for each of those that there are, and for how many at once. */
  readonly any: { readonly entries: readonly string[]; readonly capacity: number } | undefined
}

/** Where buckets keep their state. */
type MakeCells = (count: number) => BigInt64Array

interface Wildcard {
  readonly rule: BucketRule
  readonly entries: readonly string[]
  readonly buckets: DynamicBuckets
}

/** A bucket that is asked about a descriptor. */
interface Match {
  readonly rule: BucketRule
  readonly bucket: TokenBucket
  readonly descriptor: Descriptor
}

/** What the buckets said of a request. */
export interface Outcome {
  readonly allowed: boolean
  readonly bucket: TokenBucket | undefined
  readonly shadow: boolean
  /** As the descriptor's own. */
  readonly describe: boolean | undefined
}

/** The default bucket and those for descriptors. */
export class Limiter {
  readonly #default: TokenBucket | undefined
  readonly #limits = new Map<string, Pick<Match, 'rule' | 'bucket'>>()
  readonly #wildcards: Wildcard[] = []
  readonly #alwaysDefault: boolean
  /** By the default bucket alone. */
  readonly #allowed: Outcome
  readonly #refused: Outcome

  constructor(
    defaults: TokenBucketSettings | undefined,
    rules: readonly BucketRule[],
    alwaysDefault: boolean,
    cells: MakeCells,
  ) {
    this.#default = defaults && new TokenBucket(defaults, cells(1))
    this.#alwaysDefault = alwaysDefault
    this.#allowed = { allowed: true, bucket: this.#default, shadow: false, describe: undefined }
    // As in Envoy there is nothing to tell of a bucket that never holds anything.
    const told = defaults?.max === 0 ? undefined : this.#default
    this.#refused = { ...this.#allowed, allowed: false, bucket: told }
    for (const rule of rules) {
      const { settings, any } = rule
      if (any === undefined) this.#limits.set(rule.identity, { rule, bucket: new TokenBucket(settings, cells(1)) })
      else {
        const buckets = new DynamicBuckets(settings, cells(dynamicCells(any.capacity)))
        this.#wildcards.push({ rule, entries: any.entries, buckets })
      }
    }
  }

  /** Takes from the buckets of all descriptors that match, the slowest to fill first, and then from the default one. */
  ask(descriptors: readonly Descriptor[]): Outcome {
    const found = descriptors.length === 0 ? [] : this.#find(descriptors)
    let shadow: Outcome | undefined
    for (const { bucket, rule, descriptor } of found) {
      const { hits = 1, describe } = descriptor
      if (bucket.take(hits)) continue
      const refused = { allowed: false, bucket, shadow: rule.shadow, describe }
      if (!rule.shadow) return refused
      // It refuses nobody, and opens the door to nobody whom the others would refuse.
      shadow ??= refused
    }
    if (this.#default !== undefined && (found.length === 0 || this.#alwaysDefault) && !this.#default.take(1))
      return this.#refused
    if (shadow !== undefined) return shadow
    if (found.length === 0) return this.#allowed
    return { allowed: true, bucket: found[0].bucket, shadow: false, describe: found[0].descriptor.describe }
  }

  #find(descriptors: readonly Descriptor[]): readonly Match[] {
    const found: Match[] = []
    for (const descriptor of descriptors) {
      const name = identity(descriptor.entries)
      const limit = this.#limits.get(name)
      if (limit !== undefined) {
        found.push({ rule: limit.rule, bucket: limit.bucket, descriptor })
        continue
      }
      const wildcard = this.#wildcards.find(({ entries }) => covers(entries, descriptor.entries))
      if (wildcard !== undefined) found.push({ rule: wildcard.rule, bucket: wildcard.buckets.find(name), descriptor })
    }
    if (found.length > 1) found.sort((a, b) => b.rule.settings.nsPerToken - a.rule.settings.nsPerToken)
    return found
  }
}

/** The same keys with the same values, or with any where the rule has none. */
function covers(rule: readonly string[], entries: readonly string[]): boolean {
  if (rule.length !== entries.length) return false
  for (let i = 0; i < rule.length; i++) if (rule[i] !== entries[i] && (i % 2 === 0 || rule[i] !== '')) return false
  return true
}
