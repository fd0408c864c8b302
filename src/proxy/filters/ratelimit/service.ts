import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  RateLimitRequestSchema,
  type RateLimitResponse,
  RateLimitResponseSchema,
} from '../../../../gen/envoy/service/ratelimit/v3/rls_pb.ts'
import { textOf } from '../../../base/byte-string.ts'
import type { Descriptor } from '../../rate-limit/descriptor.ts'

/** The method that is called, for its path and for the statistics of the cluster. */
export const METHOD = 'envoy.service.ratelimit.v3.RateLimitService.ShouldRateLimit'

/** The question of a request to a rate limit service. */
export function question(domain: string, descriptors: readonly Descriptor[]): Uint8Array {
  return toBinary(
    RateLimitRequestSchema,
    create(RateLimitRequestSchema, {
      domain,
      descriptors: descriptors.map(({ entries, limit, hits }) => ({
        entries: pairs(entries),
        limit,
        ...(hits === undefined ? {} : { hitsAddend: BigInt(Math.abs(hits)), isNegativeHits: hits < 0 }),
      })),
    }),
  )
}

function pairs(entries: readonly string[]): { key: string; value: string }[] {
  const result: { key: string; value: string }[] = []
  for (let i = 0; i < entries.length; i += 2) result.push({ key: textOf(entries[i]), value: textOf(entries[i + 1]) })
  return result
}

/** The answer of a rate limit service; `undefined` when it is none. */
export function decision(message: Buffer | undefined): RateLimitResponse | undefined {
  if (message === undefined) return undefined
  try {
    return fromBinary(RateLimitResponseSchema, message)
  } catch {
    return undefined
  }
}
