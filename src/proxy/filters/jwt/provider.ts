import { performance } from 'node:perf_hooks'
import {
  type JwtProvider as JwtProviderProto,
  JwtProviderSchema,
} from '../../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.ts'
import { messageOf } from '../../../errors.ts'
import { dataSource } from '../../config/data-source.ts'
import { durationMs, durationSeconds, invalid, onlyFields } from '../../config/fields.ts'
import type { FactoryContext } from '../../context.ts'
import { stringMatch, type TextMatch } from '../../match/string.ts'
import { type Caller, JwksFetch } from './jwks-fetch.ts'
import { KeySet } from './key-set.ts'
import { type Place, placesOf } from './place.ts'
import type { JwtStats } from './stats.ts'
import { plainAudience, type Token } from './token.ts'

const FIELDS = [
  'issuer',
  'audiences',
  'subjects',
  'require_expiration',
  'max_lifetime',
  'remote_jwks',
  'local_jwks',
  'forward',
  'from_headers',
  'from_params',
  'from_cookies',
  'forward_payload_header',
  'pad_forward_payload_header',
  'payload_in_metadata',
  'normalize_payload_in_metadata',
  'header_in_metadata',
  'clock_skew_seconds',
  'claim_to_headers',
  'clear_route_cache',
  'jwt_cache_config',
]

const FAILS = 'Jwt verification fails'
const NO_CLAIMS: readonly string[] = []
const DEFAULT_CACHE_MS = 600_000
/** As Envoy: keys that are fetched ahead are so by five seconds. */
const REFRESH_AHEAD_MS = 5000

/** A header that is made of a claim. */
interface ClaimHeader {
  readonly name: string
  /** The claim's name, and those of the objects that it is in. */
  readonly path: readonly string[]
}

/** Who issues tokens, where they are looked for, and what is done with a good one. */
export class JwtProvider {
  readonly proto: JwtProviderProto
  readonly stats: JwtStats
  readonly places: readonly Place[]
  readonly claimHeaders: readonly ClaimHeader[]
  /** '' when the payload is not forwarded. */
  readonly payloadHeader: string
  readonly #audiences: readonly string[]
  readonly #skew: number
  /** 0: no token lives as short as that, as in Envoy. */
  readonly #maxLifetime: number | undefined
  readonly #context: FactoryContext
  readonly #subject: TextMatch | undefined
  readonly #path: string
  readonly #remembers: number | undefined
  readonly #remote: JwksFetch | undefined
  #keys: KeySet | undefined
  #fetched = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false
  #waiting: ((fetched: boolean) => void)[] | undefined

  constructor(proto: JwtProviderProto, context: FactoryContext, stats: JwtStats, path: string) {
    onlyFields(JwtProviderSchema, proto, FIELDS, path)
    this.proto = proto
    this.stats = stats
    this.places = placesOf(proto)
    this.claimHeaders = proto.claimToHeaders.map(({ headerName, claimName }, i) => {
      if (claimName === '') throw invalid(`${path}.claim_to_headers[${i}].claim_name`, 'missing')
      return { name: headerName.toLowerCase(), path: claimName.split('.') }
    })
    this.payloadHeader = proto.forwardPayloadHeader.toLowerCase()
    this.#audiences = proto.audiences.map(plainAudience)
    this.#skew = proto.clockSkewSeconds || 60
    this.#maxLifetime = proto.maxLifetime === undefined ? undefined : durationSeconds(proto.maxLifetime)
    this.#context = context
    this.#path = path
    this.#remembers = proto.jwtCacheConfig?.jwtCacheSize || undefined
    this.#subject = proto.subjects && stringMatch(proto.subjects, `${path}.subjects`)
    const source = proto.jwksSourceSpecifier
    if (source.case === 'localJwks') {
      try {
        const text = dataSource(source.value, `${path}.local_jwks`).toString('utf8')
        this.#keys = new KeySet(text, this.#remembers)
      } catch (error) {
        throw invalid(`${path}.local_jwks`, messageOf(error))
      }
    } else if (source.case === 'remoteJwks')
      this.#remote = new JwksFetch(source.value, context, stats, `${path}.remote_jwks`)
    else throw invalid(path, 'keys are missing')
  }

  issues(token: Token): boolean {
    return this.proto.issuer === '' || this.proto.issuer === token.payload['iss']
  }

  /**
   * Everything but the signature; `undefined` when it is good, else Envoy's words. `audiences`, as `plainAudience` writes them,
   * stand in the place of the provider's own.
   */
  check(token: Token, audiences: readonly string[]): string | undefined {
    const { sub, nbf } = token.payload
    // As in Envoy a token that expires at 0 does not say when it does.
    const exp = token.payload['exp'] || undefined
    const now = Date.now() / 1000
    if (typeof nbf === 'number' && now < nbf - this.#skew) return 'Jwt not yet valid'
    if (typeof exp === 'number' && now > exp + this.#skew) return 'Jwt is expired'
    const allowed = audiences.length > 0 ? audiences : this.#audiences
    if (allowed.length > 0 && !token.audiences.some((one) => allowed.includes(one)))
      return 'Audiences in Jwt are not allowed'
    if (this.#subject !== undefined && !(typeof sub === 'string' && this.#subject(sub))) return FAILS
    if (this.proto.requireExpiration && exp === undefined) return FAILS
    const lifetime = this.#maxLifetime
    return lifetime !== undefined && (typeof exp !== 'number' || exp - now > lifetime) ? FAILS : undefined
  }

  /** Tokens are always remembered; whoever has not asked for it sees no hits, as in Envoy. */
  countLookup(found: boolean): void {
    const hit = found && this.proto.jwtCacheConfig !== undefined
    const cell = hit ? this.stats.cacheHit : this.stats.cacheMiss
    cell.value++
  }

  /** What a good token leaves in the dynamic metadata, if anything. */
  metadataOf({ header, payload }: Token): Record<string, unknown> | undefined {
    const { payloadInMetadata, headerInMetadata } = this.proto
    if (payloadInMetadata === '' && headerInMetadata === '') return undefined
    const metadata: Record<string, unknown> = {}
    if (headerInMetadata !== '') metadata[headerInMetadata] = header
    if (payloadInMetadata !== '') metadata[payloadInMetadata] = this.#normalized(payload)
    return metadata
  }

  /** RFC 8693 4.2: a scope is a list, written as text with blanks. */
  #normalized(payload: Token['payload']): Token['payload'] {
    const claims = this.proto.normalizePayloadInMetadata?.spaceDelimitedClaims ?? NO_CLAIMS
    const split = claims.filter((name) => Object.hasOwn(payload, name) && typeof payload[name] === 'string')
    if (split.length === 0) return payload
    const lists = split.map((name) => [name, (payload[name] as string).split(' ').filter((one) => one !== '')])
    return { ...payload, ...Object.fromEntries(lists) }
  }

  /** Keys that are there need no wait. */
  get keys(): KeySet | undefined {
    const source = this.proto.jwksSourceSpecifier
    if (source.case !== 'remoteJwks') return this.#keys
    // As Envoy: those that are fetched ahead stay until there are others, for old keys are better than none when the issuer is down.
    if (source.value.asyncFetch !== undefined) return this.#keys
    const fresh = performance.now() - this.#fetched < durationMs(source.value.cacheDuration, DEFAULT_CACHE_MS)
    return fresh ? this.#keys : undefined
  }

  /**
   * `async_fetch`: gets the keys before they are asked for, and again before others would be too old. Requests that come before the first
   * answer wait for it, so that the listener need not (`fast_listener`).
   */
  keepFetched(): void {
    const source = this.proto.jwksSourceSpecifier
    if (source.case !== 'remoteJwks' || source.value.asyncFetch === undefined) return
    const { cacheDuration, asyncFetch } = source.value
    const next = Math.max(1000, durationMs(cacheDuration, DEFAULT_CACHE_MS) - REFRESH_AHEAD_MS)
    const soon = durationMs(asyncFetch.failedRefetchDuration, 1000) || 1000
    this.fetch((fetched) => {
      if (this.#closed) return
      this.#timer = setTimeout(() => this.keepFetched(), fetched ? next : soon).unref()
    })
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#remote?.close()
  }

  /** Fetches the keys, once for all who ask meanwhile; `fetched`: there are new ones. The span is the first one's, if that is a request. */
  fetch(done: (fetched: boolean) => void, caller?: Caller): void {
    if (this.#waiting !== undefined) {
      this.#waiting.push(done)
      return
    }
    this.#waiting = [done]
    const finish = (keys: KeySet | undefined, problem = '') => {
      if (keys !== undefined) {
        this.#keys = keys
        this.#fetched = performance.now()
      } else this.#context.log.warn({ provider: this.#path }, `Jwks cannot be fetched: ${problem}`)
      this.#remote?.count(keys !== undefined)
      const waiting = this.#waiting ?? []
      this.#waiting = undefined
      for (const one of waiting) one(keys !== undefined)
    }
    this.#remote?.start((text, reason) => {
      let keys: KeySet | undefined
      let problem = reason
      try {
        keys = text === undefined ? undefined : new KeySet(text, this.#remembers)
      } catch (error) {
        problem = messageOf(error)
      }
      finish(keys, problem)
    }, caller)
  }
}
