import {
  type BufferSettings,
  type ExtAuthz,
  ExtAuthzPerRouteSchema,
  ExtAuthzSchema,
} from '../../../../gen/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.ts'
import type { BodyBuffer } from '../../../base/body-buffer.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { invalid, onlyFields } from '../../config/fields.ts'
import { httpStatus } from '../../config/http-status.ts'
import type { FactoryContext } from '../../context.ts'
import {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../../http/filter.ts'
import { ResponseFlag } from '../../http/stream-info.ts'
import { metadataMatch } from '../../match/value.ts'
import { fraction } from '../../route/route-match.ts'
import { Counters } from './counters.ts'
import { grpcCheck } from './grpc-service.ts'
import { applyToRequest, applyToResponse, type HeaderChange, isOnce } from './header-change.ts'
import { headersToSend } from './headers.ts'
import { httpCheck } from './http-service.ts'
import { changedQuery } from './query.ts'
import { allValid, isHeedable } from './validity.ts'
import { type Check, ERROR, type Verdict } from './verdict.ts'

const FIELDS = [
  'grpc_service',
  'http_service',
  'transport_api_version',
  'failure_mode_allow',
  'failure_mode_allow_header_add',
  'with_request_body',
  'clear_route_cache',
  'status_on_error',
  'validate_mutations',
  'filter_enabled',
  'filter_enabled_metadata',
  'stat_prefix',
  'allowed_headers',
  'disallowed_headers',
  'metadata_context_namespaces',
  'route_metadata_context_namespaces',
  'include_peer_certificate',
  'include_tls_session',
  'encode_raw_headers',
  'deny_at_disable',
  'charge_cluster_response_stats',
]

const NAMESPACE = 'envoy.filters.http.ext_authz'

interface RouteRule {
  readonly disabled: boolean
  readonly contextExtensions: Readonly<Record<string, string>>
  /** In place of the filter's own, where it is set. */
  readonly body: BufferSettings | undefined
  readonly noBody: boolean
}

const NO_RULE: RouteRule = { disabled: false, contextExtensions: {}, body: undefined, noBody: false }

class Settings {
  readonly check: Check
  readonly body: BufferSettings | undefined
  readonly failureAllows: boolean
  readonly markFailure: boolean
  readonly statusOnError: number
  readonly clearRoute: boolean
  readonly enabled: number
  /** Where the filter is off: refuses, without a question. */
  readonly deniesDisabled: boolean
  readonly enabledBy: ReturnType<typeof metadataMatch> | undefined
  readonly chargesCluster: boolean
  readonly validates: boolean
  readonly counters: Counters

  constructor(config: ExtAuthz, context: FactoryContext) {
    onlyFields(ExtAuthzSchema, config, FIELDS, 'ext_authz')
    const { services } = config
    const sent = headersToSend(config)
    if (services.case === 'httpService') this.check = httpCheck(services.value, sent, context)
    else if (services.case === 'grpcService') this.check = grpcCheck(services.value, config, sent, context)
    else throw invalid('ext_authz', 'a service is missing')
    this.body = bufferSettings(config.withRequestBody, 'ext_authz.with_request_body')
    this.failureAllows = config.failureModeAllow
    this.markFailure = config.failureModeAllowHeaderAdd
    this.statusOnError = httpStatus(config.statusOnError, 403, 'ext_authz.status_on_error')
    this.clearRoute = config.clearRouteCache
    this.enabled = config.filterEnabled?.defaultValue === undefined ? 1 : fraction(config.filterEnabled.defaultValue)
    this.deniesDisabled = config.denyAtDisable?.defaultValue ?? false
    this.enabledBy =
      config.filterEnabledMetadata && metadataMatch(config.filterEnabledMetadata, 'ext_authz.filter_enabled_metadata')
    this.validates = config.validateMutations
    this.chargesCluster = config.chargeClusterResponseStats ?? true
    this.counters = new Counters(config.statPrefix, context)
  }
}

/** `envoy.filters.http.ext_authz`: another service decides. */
export const extAuthz: HttpFilterFactory<typeof ExtAuthzSchema, typeof ExtAuthzPerRouteSchema> = {
  name: NAMESPACE,
  configType: ExtAuthzSchema,
  routeConfigType: ExtAuthzPerRouteSchema,
  create(config, context) {
    const settings = new Settings(config, context)
    return { createFilter: (callbacks) => new ExtAuthzFilter(callbacks, settings) }
  },
  createRouteConfig({ override }): RouteRule {
    if (override.case === 'disabled') return { ...NO_RULE, disabled: override.value }
    if (override.case !== 'checkSettings') throw invalid('ext_authz', 'an override is missing')
    const { contextExtensions, disableRequestBodyBuffering: noBody, withRequestBody } = override.value
    const path = 'ext_authz.check_settings'
    if (noBody && withRequestBody !== undefined)
      throw invalid(
        `${path}.with_request_body`,
        'stands beside disable_request_body_buffering, which says the opposite',
      )
    return { ...NO_RULE, contextExtensions, noBody, body: bufferSettings(withRequestBody, `${path}.with_request_body`) }
  },
}

function bufferSettings(settings: BufferSettings | undefined, path: string): BufferSettings | undefined {
  if (settings?.maxRequestBytes === 0) throw invalid(`${path}.max_request_bytes`, 'must be greater than 0')
  return settings
}

class ExtAuthzFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  readonly #settings: Settings
  #rule: RouteRule | undefined
  #cancel: (() => void) | undefined
  #body: BufferSettings | undefined
  #buffering = false
  #asking = false
  #cluster = ''
  #response: readonly HeaderChange[] = []
  #asked = 0

  constructor(callbacks: HttpFilterCallbacks, settings: Settings) {
    this.#callbacks = callbacks
    this.#settings = settings
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    const settings = this.#settings
    const callbacks = this.#callbacks
    this.#rule = callbacks.routeConfig<RouteRule>()
    if (this.#rule?.disabled === true) return FilterHeadersStatus.Continue
    const { dynamicMetadata } = callbacks.streamInfo
    if (Math.random() >= settings.enabled || settings.enabledBy?.(dynamicMetadata) === false) {
      settings.counters.disabled.value++
      if (!settings.deniesDisabled) return FilterHeadersStatus.Continue
      this.#refuse(settings.statusOnError, 'ext_authz_error')
      return FilterHeadersStatus.StopIteration
    }
    const body = this.#rule?.noBody === true ? undefined : (this.#rule?.body ?? settings.body)
    if (body !== undefined && !endStream && !headers.has('upgrade')) {
      this.#body = body
      this.#buffering = true
      // What is longer, and must not be cut, is answered with 413.
      if (!body.allowPartialMessage) callbacks.setDecoderBufferLimit(body.maxRequestBytes)
      return FilterHeadersStatus.StopIteration
    }
    this.#ask(undefined, true)
    return FilterHeadersStatus.StopAllIterationAndWatermark
  }

  decodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (this.#asking) return FilterDataStatus.StopIterationAndWatermark
    if (!this.#buffering) return FilterDataStatus.Continue
    const max = this.#body?.maxRequestBytes ?? 0
    const held = (this.#callbacks.decodingBuffer?.length ?? 0) + data.length
    if (!endStream && !(this.#body?.allowPartialMessage === true && held >= max))
      return FilterDataStatus.StopIterationAndBuffer
    this.#callbacks.addDecodedData(data)
    const all = this.#callbacks.decodingBuffer?.linearize() ?? Buffer.alloc(0)
    // As Envoy: what came tells whether it is cut, and not whether more may come.
    this.#ask(all.subarray(0, max), all.length <= max)
    return FilterDataStatus.StopIterationAndWatermark
  }

  decodeTrailers(): FilterTrailersStatus {
    if (this.#buffering && !this.#asking) this.#ask(this.#callbacks.decodingBuffer?.linearize(), true)
    return this.#asking ? FilterTrailersStatus.StopIteration : FilterTrailersStatus.Continue
  }

  encodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    for (const change of this.#response) applyToResponse(headers, change)
    return FilterHeadersStatus.Continue
  }

  onDestroy(): void {
    this.#cancel?.()
  }

  #ask(body: Buffer | undefined, bodyIsWhole: boolean): void {
    this.#buffering = false
    this.#asking = true
    this.#asked = performance.now()
    // Where the request was to go then: what the service says may change it.
    this.#cluster = this.#callbacks.routeCluster()
    const input = {
      info: this.#callbacks.streamInfo,
      callbacks: this.#callbacks,
      headers: this.#callbacks.requestHeaders,
      body,
      bodyIsWhole,
      packAsBytes: this.#body?.packAsBytes ?? false,
      contextExtensions: this.#contextExtensions(),
    }
    this.#cancel = this.#settings.check(input, (verdict) => this.#decide(verdict))
  }

  /** Of the route configuration, the virtual host and the route: what is more specific overrides, key by key. */
  #contextExtensions(): Readonly<Record<string, string>> {
    if (this.#rule === undefined) return NO_RULE.contextExtensions
    const rules = this.#callbacks.routeConfigs<RouteRule>()
    const merged: Record<string, string> = Object.create(null)
    for (let i = rules.length - 1; i >= 0; i--) Object.assign(merged, rules[i].contextExtensions)
    return merged
  }

  #decide(verdict: Verdict): void {
    this.#cancel = undefined
    this.#asking = false
    if (verdict.odd && this.#settings.validates) {
      this.#reject()
      return
    }
    this.#keep(verdict)
    if (verdict.kind === 'allowed') this.#allow(verdict)
    else if (verdict.kind === 'denied') this.#deny(verdict)
    else this.#fail(verdict)
  }

  #keep({ kind, metadata }: Verdict): void {
    if (metadata === undefined || Object.keys(metadata).length === 0) return
    const took = kind === 'allowed' ? { ext_authz_duration: Math.floor(performance.now() - this.#asked) } : {}
    this.#callbacks.streamInfo.setDynamicMetadata(NAMESPACE, { ...metadata, ...took })
  }

  #allow(verdict: Verdict): void {
    const { request, remove, response, setParameters, removeParameters } = verdict
    const { clearRoute, validates, counters } = this.#settings
    if (validates && !isHeedable(verdict)) {
      this.#reject()
      return
    }
    const callbacks = this.#callbacks
    const headers = callbacks.requestHeaders
    for (const change of request) applyToRequest(headers, change)
    for (const name of remove) if (!isOnce(name)) headers.remove(name)
    const newQuery = setParameters.length + removeParameters.length > 0
    if (newQuery) headers.set(':path', changedQuery(headers.get(':path') ?? '', verdict))
    this.#response = response
    if (clearRoute && (newQuery || request.length + remove.length > 0)) callbacks.clearRouteCache()
    counters.ok.value++
    counters.ofCluster(this.#cluster)?.count('ok')
    callbacks.continueDecoding()
  }

  #deny({ status, body, reply }: Verdict): void {
    const { counters, chargesCluster, validates } = this.#settings
    const ofCluster = counters.ofCluster(this.#cluster)
    counters.denied.value++
    ofCluster?.count('denied')
    if (chargesCluster) ofCluster?.answers.given(status, true)
    if (validates && !allValid(reply)) this.#reject()
    else this.#refuse(status, 'ext_authz_denied', body, reply)
  }

  #fail(verdict: Verdict): void {
    const { counters, failureAllows, markFailure, statusOnError, validates } = this.#settings
    const ofCluster = counters.ofCluster(this.#cluster)
    counters.error.value++
    ofCluster?.count('error')
    if (!failureAllows) {
      // As Envoy: nothing of an answer that is broken is sent.
      const { status, body, reply } = validates && !allValid(verdict.reply) ? ERROR : verdict
      this.#refuse(status || statusOnError, 'ext_authz_error', body, reply)
      return
    }
    counters.allowed.value++
    ofCluster?.count('failure_mode_allowed')
    if (markFailure) this.#callbacks.requestHeaders.set('x-envoy-auth-failure-mode-allowed', 'true')
    this.#callbacks.continueDecoding()
  }

  /** The service's answer itself is refused. */
  #reject(): void {
    const { counters } = this.#settings
    counters.invalid.value++
    counters.ofCluster(this.#cluster)?.count('invalid')
    this.#refuse(500, 'ext_authz_invalid')
  }

  #refuse(status: number, details: string, body = '', reply: Verdict['reply'] = []): void {
    const callbacks = this.#callbacks
    callbacks.streamInfo.responseFlags |= ResponseFlag.UnauthorizedExternalService
    callbacks.sendLocalReply(status, body, {
      details,
      modifyHeaders: (headers) => {
        const set = reply.filter(([name]) => !name.startsWith(':'))
        for (const [name] of set) headers.remove(name)
        for (const [name, value] of set) headers.add(name, value)
      },
    })
  }
}
