import { performance } from 'node:perf_hooks'
import { BackoffStrategySchema } from '../../../../gen/envoy/config/core/v3/backoff_pb.ts'
import { type RetryPolicy, RetryPolicySchema } from '../../../../gen/envoy/config/core/v3/base_pb.ts'
import type { RemoteJwks } from '../../../../gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.ts'
import { Backoff, type BackoffOptions } from '../../../base/backoff.ts'
import { BodyBuffer } from '../../../base/body-buffer.ts'
import { HeaderMap } from '../../../base/header-map.ts'
import { type AsyncResponse, asyncRequest } from '../../cluster/async-client.ts'
import { invalid, onlyFields, pauseMs } from '../../config/fields.ts'
import { httpServer } from '../../config/http-uri.ts'
import type { FactoryContext } from '../../context.ts'
import type { HttpFilterCallbacks } from '../../http/filter.ts'
import { RetriedSpan } from '../../tracing/retried-span.ts'
import type { JwtStats } from './stats.ts'

/** Envoy's default of a pause before a second try. */
const BASE_MS = 1000

interface Retries {
  readonly count: number
  readonly pauses: BackoffOptions
}

/** The request that needs the keys. */
export type Caller = Pick<HttpFilterCallbacks, 'traceCall'>

/** One fetch at a time of the keys at a `remote_jwks`, tried again as its `retry_policy` says. */
export class JwksFetch {
  readonly #context: FactoryContext
  readonly #cluster: string
  readonly #url: URL
  readonly #timeoutMs: number
  readonly #retries: Retries | undefined
  readonly #stats: JwtStats
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor({ httpUri, retryPolicy }: RemoteJwks, context: FactoryContext, stats: JwtStats, path: string) {
    this.#stats = stats
    this.#context = context
    const { uri, cluster, timeoutMs } = httpServer(httpUri, `${path}.http_uri`)
    this.#cluster = cluster
    // As Envoy: an absolute URI, whose bytes are ASCII (RFC 3986 2).
    if (!URL.canParse(uri) || !/^https?:\/\/[\x21-\x7e]+$/i.test(uri))
      throw invalid(`${path}.http_uri.uri`, `«${uri}» is no URI of http or https`)
    this.#url = new URL(uri)
    this.#timeoutMs = timeoutMs
    this.#retries = retryPolicy && retries(retryPolicy, `${path}.retry_policy`)
  }

  /** What came of a fetch: keys that can be used or not. */
  count(good: boolean): void {
    if (good) this.#stats.fetched.value++
    else this.#stats.fetchFailed.value++
  }

  /** Calls back later, with the text or the reason why there is none. The span is the caller's, as in Envoy; a fetch ahead has none. */
  start(done: (text: string | undefined, reason: string) => void, caller?: Caller): void {
    const url = this.#url
    if (!this.#context.clusters.hasCluster(this.#cluster)) {
      process.nextTick(done, undefined, `there is no cluster ${this.#cluster}`)
      return
    }
    const headers = HeaderMap.of([
      [':authority', url.host],
      [':path', url.pathname + url.search],
      [':method', 'GET'],
      [':scheme', url.protocol.slice(0, -1)],
    ])
    const call = caller?.traceCall(headers, this.#cluster, '', 'JWT Remote PubKey Fetch')
    const span = call && new RetriedSpan(call)
    const deadline = this.#timeoutMs === 0 ? Infinity : performance.now() + this.#timeoutMs
    const pauses = this.#retries && new Backoff(this.#retries.pauses)
    let left = this.#retries?.count ?? 0
    const attempt = () => {
      // As Envoy, the time is for all tries together.
      const timeoutMs = deadline === Infinity ? 0 : Math.max(1, deadline - performance.now())
      this.#once(headers.clone(), timeoutMs, span?.begin(), (response, reason) => {
        const status = Number(response?.headers.get(':status') ?? 0)
        if (status === 200) {
          span?.finish()
          return done(response?.body.linearize().toString('utf8') ?? '', '')
        }
        const why = response === undefined ? reason : `status ${status}`
        const pause = pauses?.next() ?? 0
        // `5xx,gateway-error,connect-failure,reset`, which is what Envoy tries again.
        const again = left-- > 0 && (response === undefined || status >= 500) && performance.now() + pause < deadline
        if (!again || this.#closed) {
          span?.finish()
          return done(undefined, why)
        }
        this.#timer = setTimeout(attempt, pause).unref()
      })
    }
    attempt()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #once(
    headers: HeaderMap,
    timeoutMs: number,
    span: RetriedSpan | undefined,
    done: (response: AsyncResponse | undefined, reason: string) => void,
  ): void {
    const { clusters } = this.#context
    // It may be gone since the first try.
    if (
      asyncRequest(clusters, this.#cluster, headers, new BodyBuffer(), undefined, timeoutMs, done, span) === undefined
    )
      process.nextTick(done, undefined, `there is no cluster ${this.#cluster}`)
  }
}

function retries(policy: RetryPolicy, path: string): Retries {
  onlyFields(RetryPolicySchema, policy, ['retry_back_off', 'num_retries'], path)
  const count = policy.numRetries ?? 1
  const pauses = policy.retryBackOff
  if (pauses === undefined) return { count, pauses: { initialMs: BASE_MS, maxMs: 10 * BASE_MS, jitter: 1 } }
  const where = `${path}.retry_back_off`
  onlyFields(BackoffStrategySchema, pauses, ['base_interval', 'max_interval'], where)
  if (pauses.baseInterval === undefined) throw invalid(`${where}.base_interval`, 'missing')
  const initialMs = pauseMs(pauses.baseInterval, BASE_MS, `${where}.base_interval`)
  const maxMs = pauseMs(pauses.maxInterval, 10 * initialMs, `${where}.max_interval`)
  if (maxMs < initialMs) throw invalid(`${where}.max_interval`, 'must not be less than base_interval')
  return { count, pauses: { initialMs, maxMs, jitter: 1 } }
}
