import {
  CompressorPerRouteSchema,
  CompressorSchema,
} from '../../../../gen/envoy/extensions/filters/http/compressor/v3/compressor_pb.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { FilterHeadersStatus, type HttpFilterCallbacks, type HttpFilterFactory } from '../../http/filter.ts'
import { Compressors } from './accept-encoding.ts'
import { CodecFilter } from './codec-filter.ts'
import { isNoTransform } from './codings.ts'
import { Compression } from './compression.ts'
import { type DirectionSettings, type RouteRule, routeRule, type Settings, settingsOf } from './compressor-settings.ts'
import { REQUEST, RESPONSE } from './side.ts'

/** `envoy.filters.http.compressor`: compresses requests and responses. */
export const compressor: HttpFilterFactory<typeof CompressorSchema, typeof CompressorPerRouteSchema> = {
  name: 'envoy.filters.http.compressor',
  configType: CompressorSchema,
  routeConfigType: CompressorPerRouteSchema,
  create(config, context) {
    const settings = settingsOf(config, context.stats.scope(`${context.statPrefix}compressor.`))
    return { createFilter: (callbacks) => new CompressorFilter(callbacks, settings) }
  },
  createRouteConfig: routeRule,
}

class CompressorFilter extends CodecFilter<Compression> {
  readonly #callbacks: HttpFilterCallbacks
  readonly #settings: Settings
  readonly #all: Compressors
  #accepted: string | undefined
  /** What follows the headers is no body of HTTP. */
  #tunnel = false

  constructor(callbacks: HttpFilterCallbacks, settings: Settings) {
    super()
    this.#callbacks = callbacks
    this.#settings = settings
    callbacks.streamInfo.compressors ??= new Compressors()
    this.#all = callbacks.streamInfo.compressors
    this.#all.add(settings)
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    const { library, request, response } = this.#settings
    if (headers.has('accept-encoding')) this.#accepted = headers.getAll('accept-encoding').join(',')
    this.#tunnel = headers.has('upgrade') || headers.get(':method') === 'CONNECT'
    const rule = this.#callbacks.routeConfig<RouteRule>()
    const enabled = rule?.enabled ?? response.enabled
    if (enabled && (rule?.removeAcceptEncoding ?? response.removeAcceptEncoding)) headers.remove('accept-encoding')
    if (
      endStream ||
      this.#tunnel ||
      rule?.enabled === false ||
      !request.enabled ||
      !longEnough(headers, request) ||
      !shrinks(headers, request) ||
      headers.has('content-encoding')
    ) {
      request.stats.notCompressed.value++
      return FilterHeadersStatus.Continue
    }
    const length = takeLength(headers)
    headers.set('content-encoding', library.encoding)
    this.request = new Compression(library.make(length), request.stats, REQUEST, this.#callbacks)
    return FilterHeadersStatus.Continue
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    const { library, response } = this.#settings
    const enabled = this.#callbacks.routeConfig<RouteRule>()?.enabled ?? response.enabled
    const worthIt = enabled && longEnough(headers, response)
    const could = worthIt && this.#could(headers)
    // As in Envoy the header counts for what it says, whatever else there is against it.
    const wanted = !endStream && worthIt && this.#isWanted(headers)
    // RFC 9110 14.4: a range is of the bytes that the upstream has. Envoy compresses it.
    if (wanted && could && !headers.has('content-range')) {
      const length = takeLength(headers)
      headers.set('content-encoding', library.encoding)
      replaceEtag(headers, response.weakenEtag)
      this.response = new Compression(library.make(length), response.stats, RESPONSE, this.#callbacks)
    } else response.stats.notCompressed.value++
    if (could) varies(headers)
    return FilterHeadersStatus.Continue
  }

  /** Whether it is compressed for those who like that. */
  #could(headers: HeaderMap): boolean {
    const { response, counters } = this.#settings
    if (this.#tunnel || !shrinks(headers, response) || isNoTransform(headers)) return false
    if (response.etagOff && headers.has('etag')) {
      counters.etag.value++
      return false
    }
    return !headers.has('content-encoding') && !response.uncompressible.has(headers.get(':status') ?? '')
  }

  /** Whether the client likes this encoding best, of those that the chain has. */
  #isWanted(headers: HeaderMap): boolean {
    const { encoding, counters } = this.#settings
    if (this.#accepted === undefined) {
      counters.noAcceptHeader.value++
      return false
    }
    const decision = this.#all.decide(this.#accepted, contentType(headers))
    const chosen = decision.encoding === encoding
    counters[decision.counter ?? (chosen ? 'used' : 'overshadowed')].value++
    return chosen
  }
}

function longEnough(headers: HeaderMap, { minLength, tooSmall }: DirectionSettings): boolean {
  const length = headers.get('content-length')
  if (length === undefined || Number(length) >= minLength) return true
  tooSmall.value++
  return false
}

/** Removes what is true no longer. */
function takeLength(headers: HeaderMap): number | undefined {
  const length = headers.get('content-length')
  if (length === undefined) return undefined
  headers.remove('content-length')
  return Number(length)
}

/** Of a type that shrinks. */
function shrinks(headers: HeaderMap, { types }: DirectionSettings): boolean {
  const type = contentType(headers)
  return type === undefined || types.has(type)
}

/** One that is empty is told, and none of those that shrink. */
function contentType(headers: HeaderMap): string | undefined {
  return headers.get('content-type')?.split(';', 1)[0].trim().toLowerCase()
}

/** RFC 9110 8.8.1: a strong validator is for the bytes that it was made of. */
function replaceEtag(headers: HeaderMap, weaken: boolean): void {
  const etag = headers.get('etag')
  if (etag === undefined || /^w\//i.test(etag)) return
  if (weaken) headers.set('etag', `W/${etag}`)
  else headers.remove('etag')
}

/** RFC 9110 12.5.5: the answer depends on the header whether it is compressed or not. */
function varies(headers: HeaderMap): void {
  const vary = headers.getAll('vary').join(', ')
  if (/(?:^|,)\s*(?:\*|accept-encoding)\s*(?:,|$)/i.test(vary)) return
  headers.set('vary', vary === '' ? 'Accept-Encoding' : `${vary}, Accept-Encoding`)
}
