import {
  type LocalRateLimitDescriptor,
  LocalRateLimitDescriptorSchema,
} from '../../../../gen/envoy/extensions/common/ratelimit/v3/ratelimit_pb.ts'
import {
  type LocalRateLimit,
  LocalRateLimitSchema,
} from '../../../../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.ts'
import { byteString } from '../../../base/byte-string.ts'
import { invalid, onlyFields, unsupported, within } from '../../config/fields.ts'
import { refusalStatus } from '../../config/http-status.ts'
import type { FactoryContext } from '../../context.ts'
import { HeaderMutations } from '../../http/header-mutations.ts'
import type { StreamInfo } from '../../http/stream-info.ts'
import { type Descriptor, identity } from '../../rate-limit/descriptor.ts'
import { RateLimits, type Wanted } from '../../rate-limit/policy.ts'
import { TokenBucketSettings } from '../../rate-limit/token-bucket.ts'
import { fraction } from '../../route/route-match.ts'
import type { SharedCells } from '../../shared-cells.ts'
import { type BucketRule, Limiter } from './limiter.ts'

const FIELDS = [
  'stat_prefix',
  'status',
  'token_bucket',
  'filter_enabled',
  'filter_enforced',
  'request_headers_to_add_when_not_enforced',
  'response_headers_to_add',
  'descriptors',
  'stage',
  'enable_x_ratelimit_headers',
  'enable_retry_after_header',
  'vh_rate_limits',
  'always_consume_default_token_bucket',
  'local_rate_limit_per_downstream_connection',
  'rate_limited_as_resource_exhausted',
  'rate_limits',
  'max_dynamic_descriptors',
]

const PATH = 'local_ratelimit'
const MAX_STAGE = 10
const DEFAULT_DYNAMIC = 20
const MAX_DYNAMIC = 16_384
const NO_DESCRIPTORS: readonly Descriptor[] = []

/** A compiled LocalRateLimit, of a filter or in place of it of a route. */
export class Settings {
  readonly status: number
  readonly enabled: number
  readonly enforced: number
  readonly notEnforced: HeaderMutations | undefined
  readonly response: HeaderMutations | undefined
  readonly describe: boolean
  readonly retryAfter: boolean
  readonly grpcStatus: number | undefined
  readonly counters
  readonly #cluster: string
  readonly #own: RateLimits
  readonly #wanted: Wanted
  readonly #ownWanted: Wanted
  readonly #virtualHosts: number
  readonly #hasRules: boolean
  readonly #limiter: Limiter | undefined
  readonly #perConnection: WeakMap<object, Limiter> | undefined
  readonly #makePrivate: () => Limiter

  constructor(config: LocalRateLimit, context: FactoryContext, cells: SharedCells) {
    onlyFields(LocalRateLimitSchema, config, FIELDS, PATH)
    if (config.statPrefix === '') throw invalid(`${PATH}.stat_prefix`, 'missing')
    const defaults = config.tokenBucket && new TokenBucketSettings(config.tokenBucket, `${PATH}.token_bucket`)
    const capacity = within(
      config.maxDynamicDescriptors,
      DEFAULT_DYNAMIC,
      1,
      MAX_DYNAMIC,
      `${PATH}.max_dynamic_descriptors`,
    )
    const rules = compileRules(config.descriptors, capacity)
    const always = config.alwaysConsumeDefaultTokenBucket ?? true
    this.#makePrivate = () => new Limiter(defaults, rules, always, (count) => new BigInt64Array(count))
    if (config.localRateLimitPerDownstreamConnection) this.#perConnection = new WeakMap()
    else
      this.#limiter = new Limiter(defaults, rules, always, (count) => {
        const cell = cells.take(count)
        if (cell === undefined) throw unsupported(`${PATH}.descriptors`, 'more buckets than there is room for')
        return cell
      })
    this.#hasRules = rules.length > 0
    this.#cluster = context.node.cluster
    config.rateLimits.forEach(({ limit, applyOnStreamDone }, i) => {
      const where = `${PATH}.rate_limits[${i}]`
      if (limit !== undefined) throw unsupported(`${where}.limit`, 'only a rate limit service takes it')
      if (applyOnStreamDone)
        throw unsupported(`${where}.apply_on_stream_done`, 'only a rate limit service is told so late')
    })
    this.#own = RateLimits.ofFilter(config.rateLimits, `${PATH}.rate_limits`)
    // As Envoy: what is to be counted at the end is counted at once, what has a key is not counted.
    this.#wanted = {
      stage: within(config.stage, 0, 0, MAX_STAGE, `${PATH}.stage`),
      onStreamDone: undefined,
      keyed: false,
    }
    this.#ownWanted = { ...this.#wanted, stage: 0 }
    this.#virtualHosts = config.vhRateLimits
    this.status = refusalStatus(config.status, `${PATH}.status`)
    // Both are off when they are not set, as in Envoy.
    const share = (value: LocalRateLimit['filterEnabled']) =>
      value?.defaultValue === undefined ? 0 : fraction(value.defaultValue)
    this.enabled = share(config.filterEnabled)
    this.enforced = share(config.filterEnforced)
    this.notEnforced = HeaderMutations.compile(
      config.requestHeadersToAddWhenNotEnforced,
      [],
      PATH,
      `${PATH}.request_headers_to_add_when_not_enforced`,
    )
    this.response = HeaderMutations.compile(config.responseHeadersToAdd, [], `${PATH}.response_headers`)
    this.describe = config.enableXRatelimitHeaders === 1
    this.retryAfter = config.enableRetryAfterHeader
    this.grpcStatus = config.rateLimitedAsResourceExhausted ? 8 : undefined
    const scope = context.stats.scope(`${config.statPrefix}.http_local_rate_limit.`)
    this.counters = {
      enabled: scope.counter('enabled'),
      ok: scope.counter('ok'),
      limited: scope.counter('rate_limited'),
      enforced: scope.counter('enforced'),
      shadow: scope.counter('shadow_mode'),
    }
  }

  limiter(connection: object): Limiter {
    if (this.#limiter !== undefined) return this.#limiter
    let limiter = this.#perConnection?.get(connection)
    if (limiter === undefined) {
      limiter = this.#makePrivate()
      this.#perConnection?.set(connection, limiter)
    }
    return limiter
  }

  /** What the request is counted by: by the filter's own `rate_limits`, else by those of its route. */
  descriptors(info: StreamInfo): readonly Descriptor[] {
    if (!this.#hasRules) return NO_DESCRIPTORS
    const found: Descriptor[] = []
    if (!this.#own.empty) this.#own.collect(this.#ownWanted, info, this.#cluster, found)
    else info.route?.rateLimits?.collect(this.#virtualHosts, this.#wanted, info, this.#cluster, found)
    return found
  }
}

function compileRules(protos: readonly LocalRateLimitDescriptor[], capacity: number): BucketRule[] {
  const known = new Set<string>()
  return protos.map((proto, i) => {
    const where = `${PATH}.descriptors[${i}]`
    onlyFields(LocalRateLimitDescriptorSchema, proto, ['entries', 'token_bucket', 'shadow_mode'], where)
    if (proto.entries.length === 0) throw invalid(`${where}.entries`, 'at least one entry is needed')
    proto.entries.forEach(({ key }, j) => {
      if (key === '') throw invalid(`${where}.entries[${j}].key`, 'missing')
    })
    const entries = proto.entries.flatMap(({ key, value }) => [byteString(key), byteString(value)])
    const text = identity(entries)
    if (known.has(text)) throw invalid(where, 'the same entries stand there twice')
    known.add(text)
    if (proto.tokenBucket === undefined) throw invalid(`${where}.token_bucket`, 'missing')
    const settings = new TokenBucketSettings(proto.tokenBucket, `${where}.token_bucket`)
    const any = proto.entries.some(({ value }) => value === '') ? { entries, capacity } : undefined
    return { identity: text, settings, shadow: proto.shadowMode, any }
  })
}
