import {
  RateLimit_XRateLimitOption as Option,
  type RateLimit,
  type RateLimit_HitsAddend,
  type RateLimit_Override,
  RateLimitSchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import { RateLimitUnit } from '../../../gen/envoy/type/v3/ratelimit_unit_pb.ts'
import { invalid, onlyFields, within } from '../config/fields.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import { textFormat } from '../http/substitution.ts'
import { type Action, compileAction, metadataValue } from './action.ts'
import type { Descriptor, LimitOverride } from './descriptor.ts'

const ROUTE_FIELDS = ['stage', 'disable_key', 'actions', 'limit', 'apply_on_stream_done', 'x_ratelimit_option']
const FILTER_FIELDS = ['actions', 'limit', 'hits_addend', 'apply_on_stream_done', 'x_ratelimit_option']
const MAX_STAGE = 10
/** Envoy takes no more from a configuration. */
const MAX_HITS = 1_000_000_000

interface Policy {
  readonly stage: number
  readonly disableKey: string
  readonly onStreamDone: boolean
  readonly actions: readonly Action[]
  readonly limit: ((info: StreamInfo) => LimitOverride | undefined) | undefined
  /** NaN: what should tell how many does not. */
  readonly hits: ((info: StreamInfo) => number) | undefined
  readonly describe: boolean | undefined
}

/** Which of them somebody asks for. */
export interface Wanted {
  readonly stage: number
  /** Those with `apply_on_stream_done`, those without, or both. */
  readonly onStreamDone: boolean | undefined
  /** Those with a `disable_key`, too. */
  readonly keyed: boolean
}

/** `rate_limits` of one place of the configuration: each makes a descriptor of a request, or none. */
export class RateLimits {
  readonly #policies: readonly Policy[]
  /** Some have `apply_on_stream_done`. */
  readonly late: boolean

  constructor(policies: readonly Policy[]) {
    this.#policies = policies
    this.late = policies.some(({ onStreamDone }) => onStreamDone)
  }

  /** Of a route or virtual host, where Envoy ignores `hits_addend`. */
  static ofRoute(protos: readonly RateLimit[], path: string): RateLimits {
    for (const [i, proto] of protos.entries()) onlyFields(RateLimitSchema, proto, ROUTE_FIELDS, `${path}[${i}]`)
    return compile(protos, path)
  }

  /** Of a filter's own configuration, which has neither stages nor keys. */
  static ofFilter(protos: readonly RateLimit[], path: string): RateLimits {
    for (const [i, proto] of protos.entries()) onlyFields(RateLimitSchema, proto, FILTER_FIELDS, `${path}[${i}]`)
    return compile(protos, path)
  }

  get empty(): boolean {
    return this.#policies.length === 0
  }

  /** Adds what a request is counted by. `cluster` is the name of the proxy's own. */
  collect(wanted: Wanted, info: StreamInfo, cluster: string, into: Descriptor[]): void {
    const policies = this.#policies
    for (let i = 0; i < policies.length; i++) {
      const policy = policies[i]
      if (policy.stage !== wanted.stage || (policy.disableKey !== '' && !wanted.keyed)) continue
      if (wanted.onStreamDone !== undefined && wanted.onStreamDone !== policy.onStreamDone) continue
      const descriptor = describe(policy, info, cluster)
      if (descriptor !== undefined) into.push(descriptor)
    }
  }
}

function describe(policy: Policy, info: StreamInfo, cluster: string): Descriptor | undefined {
  const { actions } = policy
  const entries: string[] = []
  for (let i = 0; i < actions.length; i++) {
    const { key, optional } = actions[i]
    const value = actions[i].value(info, cluster)
    if (value !== undefined) entries.push(key, value)
    else if (!optional) return undefined
  }
  const hits = policy.hits?.(info)
  if (Number.isNaN(hits)) return undefined
  return { entries, limit: policy.limit?.(info), hits, describe: policy.describe }
}

function compile(protos: readonly RateLimit[], path: string): RateLimits {
  return new RateLimits(
    protos.map((proto, i) => {
      const where = `${path}[${i}]`
      if (proto.actions.length === 0) throw invalid(`${where}.actions`, 'at least one action is needed')
      return {
        stage: within(proto.stage, 0, 0, MAX_STAGE, `${where}.stage`),
        disableKey: proto.disableKey,
        onStreamDone: proto.applyOnStreamDone,
        actions: proto.actions.map((one, j) => compileAction(one, `${where}.actions[${j}]`)),
        limit: proto.limit && limitOverride(proto.limit, `${where}.limit`),
        hits: proto.hitsAddend && hitsAddend(proto.hitsAddend, `${where}.hits_addend`),
        describe: [undefined, false, true][proto.xRatelimitOption ?? Option.UNSPECIFIED],
      }
    }),
  )
}

function limitOverride({ overrideSpecifier: specifier }: RateLimit_Override, path: string) {
  switch (specifier.case) {
    case 'rateLimit': {
      const { requestsPerUnit, unit } = specifier.value
      const limit = { requestsPerUnit, unit }
      return () => limit
    }
    case 'dynamicMetadata': {
      const find = metadataValue(specifier.value.metadataKey, `${path}.dynamic_metadata.metadata_key`)
      return ({ dynamicMetadata }: StreamInfo) => limitIn(find(dynamicMetadata))
    }
    default:
      throw invalid(path, 'an override is missing')
  }
}

/** A struct with `requests_per_unit` and `unit`; anything else is no limit. */
function limitIn(value: unknown): LimitOverride | undefined {
  if (value === null || typeof value !== 'object') return undefined
  const { requests_per_unit: requests, unit } = value as Record<string, unknown>
  if (typeof requests !== 'number' || typeof unit !== 'string' || !Object.hasOwn(RateLimitUnit, unit)) return undefined
  const known = RateLimitUnit[unit as keyof typeof RateLimitUnit]
  return typeof known === 'number' ? { requestsPerUnit: Math.trunc(requests) >>> 0, unit: known } : undefined
}

function hitsAddend({ number, format, isNegativeHits }: RateLimit_HitsAddend, path: string) {
  const sign = isNegativeHits ? -1 : 1
  if ((number === undefined) === (format === '')) throw invalid(path, 'must contain either a format or a number')
  if (number !== undefined) {
    if (number > MAX_HITS) throw invalid(`${path}.number`, `must be at most ${MAX_HITS}`)
    const hits = sign * Number(number)
    return () => hits
  }
  if (!/^%[A-Z0-9_]+(?:\(.*\))?(?::\d+)?%$/.test(format))
    throw invalid(`${path}.format`, 'must be exactly one operator')
  const text = textFormat(format, `${path}.format`, true)
  return (info: StreamInfo) => {
    const hits = Math.trunc(plainNumber(text(info)))
    return hits >= 0 && hits <= MAX_HITS ? sign * hits : Number.NaN
  }
}

/** As C reads it (Envoy's SimpleAtod): a client that writes `+5` or `1e3` is counted like any other. */
function plainNumber(text: string): number {
  const unsigned = text.replace(/^\+/, '')
  return /^(?:0x[0-9a-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i.test(unsigned) ? Number(unsigned) : Number.NaN
}
