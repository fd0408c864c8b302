import type { RateLimitUnit } from '../../../gen/envoy/type/v3/ratelimit_unit_pb.ts'

/** What of a request counts against a limit. */
export interface Descriptor {
  /** Key, value, key, value … in the order of the actions that found them; byte strings. */
  readonly entries: readonly string[]
  /** In place of the limit that a rate limit service has. */
  readonly limit: LimitOverride | undefined
  /** How much it counts, below 0 where it gives back; undefined: 1. */
  readonly hits: number | undefined
  /** Whether `x-ratelimit-*` tell of it; undefined: as the filter says. */
  readonly describe: boolean | undefined
}

/** A limit of the configuration in the place of the service's own. */
export interface LimitOverride {
  readonly requestsPerUnit: number
  readonly unit: RateLimitUnit
}

/** Entries as one text, the same for no others: parts may hold any character. */
export function identity(entries: readonly string[]): string {
  let text = ''
  for (let i = 0; i < entries.length; i++) text += `${entries[i].length}:${entries[i]}`
  return text
}
