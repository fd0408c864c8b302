import {
  RateLimitResponse_Code as Code,
  type RateLimitResponse_DescriptorStatus as DescriptorStatus,
  RateLimitResponse_RateLimit_Unit as Unit,
} from '../../../../gen/envoy/service/ratelimit/v3/rls_pb.ts'
import { byteString } from '../../../base/byte-string.ts'
import type { Descriptor } from '../../rate-limit/descriptor.ts'

type Pair = [name: string, value: string]

const WINDOW_SECONDS: Readonly<Record<number, number>> = {
  [Unit.SECOND]: 1,
  [Unit.MINUTE]: 60,
  [Unit.HOUR]: 3600,
  [Unit.DAY]: 86_400,
  [Unit.WEEK]: 604_800,
  [Unit.MONTH]: 2_592_000,
  [Unit.YEAR]: 31_536_000,
}

/** The `x-ratelimit-*` headers (draft-polli-ratelimit-headers-03): of the limit that is nearest, with the windows of all. */
export function rateLimitHeaders(
  statuses: readonly DescriptorStatus[],
  descriptors: readonly Descriptor[],
  describe: boolean,
): Pair[] {
  const described = (i: number) => descriptors[i]?.describe ?? describe
  let nearest = -1
  for (const [i, { currentLimit, limitRemaining }] of statuses.entries()) {
    if (currentLimit === undefined) continue
    if (nearest === -1 || limitRemaining < statuses[nearest].limitRemaining) nearest = i
  }
  if (nearest === -1 || !described(nearest)) return []
  const { currentLimit, limitRemaining, durationUntilReset } = statuses[nearest]
  let limit = String(currentLimit?.requestsPerUnit)
  for (const [i, { currentLimit: one }] of statuses.entries()) {
    const window = WINDOW_SECONDS[one?.unit ?? Unit.UNKNOWN]
    if (one === undefined || window === undefined || !described(i)) continue
    limit += `, ${one.requestsPerUnit};w=${window}${one.name === '' ? '' : `;name="${byteString(one.name)}"`}`
  }
  return [
    ['x-ratelimit-limit', limit],
    ['x-ratelimit-remaining', String(limitRemaining)],
    ['x-ratelimit-reset', String(durationUntilReset?.seconds ?? 0)],
  ]
}

/** When the last of the limits that were exceeded is over, in seconds, at least 1; `undefined` when none says so. */
export function retryAfter(statuses: readonly DescriptorStatus[]): string | undefined {
  let seconds: bigint | undefined
  for (const { code, durationUntilReset } of statuses) {
    if (code !== Code.OVER_LIMIT || durationUntilReset === undefined) continue
    const least = durationUntilReset.seconds > 1n ? durationUntilReset.seconds : 1n
    if (seconds === undefined || least > seconds) seconds = least
  }
  return seconds?.toString()
}
