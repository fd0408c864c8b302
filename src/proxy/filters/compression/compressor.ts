/** `envoy.filters.http.compressor`: compresses requests and responses. */
import {
  type Compressor,
  type Compressor_CommonDirectionConfig,
  Compressor_CommonDirectionConfigSchema,
  Compressor_RequestDirectionConfigSchema,
  Compressor_ResponseDirectionConfigSchema,
  CompressorPerRouteSchema,
  CompressorSchema,
} from '../../../../gen/envoy/extensions/filters/http/compressor/v3/compressor_pb.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { invalid, onlyFields } from '../../config/fields.ts'
import { FilterHeadersStatus, type HttpFilterCallbacks, type HttpFilterFactory } from '../../http/filter.ts'
import type { StatsScope } from '../../stats/scope.ts'
import { CodecFilter } from './codec-filter.ts'
import { isNoTransform } from './codings.ts'
import { Compression, type CompressionStats, compressionStats } from './compression.ts'
import { type CompressorLibrary, compressorLibrary } from './compressor-library.ts'
import { REQUEST, RESPONSE } from './side.ts'

interface DirectionSettings {
  readonly enabled: boolean
  readonly minLength: number
  readonly types: ReadonlySet<string>
  readonly stats: CompressionStats
}

interface Settings {
  readonly library: CompressorLibrary
  readonly request: DirectionSettings
  readonly response: DirectionSettings
  readonly etagOff: boolean
  readonly removeAcceptEncoding: boolean
}

/** Envoy's default list. */
const TYPES = [
  'application/javascript',
  'application/json',
  'application/xhtml+xml',
  'image/svg+xml',
  'text/css',
  'text/html',
  'text/plain',
  'text/xml',
]

export const compressor: HttpFilterFactory<typeof CompressorSchema, typeof CompressorPerRouteSchema> = {
  name: 'envoy.filters.http.compressor',
  configType: CompressorSchema,
  routeConfigType: CompressorPerRouteSchema,
  create(config, context) {
    const settings = compile(config, context.stats.scope(`${context.statPrefix}compressor.`))
    return { createFilter: (callbacks) => new CompressorFilter(callbacks, settings) }
  },
  createRouteConfig({ override }): RouteRule {
    if (override.case === 'disabled') {
      if (!override.value) throw invalid('compressor.disabled', 'must be true where it is set')
      return { enabled: false, removeAcceptEncoding: undefined }
    }
    if (override.case !== 'overrides') throw invalid('compressor', 'an override is missing')
    const direction = override.value.responseDirectionConfig
    // That it is there turns compression on, whatever it says.
    return { enabled: direction && true, removeAcceptEncoding: direction?.removeAcceptEncodingHeader }
  },
}

/** What a route says in place of the filter, where it says anything. */
interface RouteRule {
  readonly enabled: boolean | undefined
  readonly removeAcceptEncoding: boolean | undefined
}

function compile(config: Compressor, stats: StatsScope): Settings {
  const { requestDirectionConfig: request, responseDirectionConfig: response } = config
  onlyFields(
    CompressorSchema,
    config,
    ['compressor_library', 'request_direction_config', 'response_direction_config', 'content_length', 'content_type'],
    'compressor',
  )
  if (request !== undefined) {
    onlyFields(
      Compressor_RequestDirectionConfigSchema,
      request,
      ['common_config'],
      'compressor.request_direction_config',
    )
  }
  if (response !== undefined) {
    onlyFields(
      Compressor_ResponseDirectionConfigSchema,
      response,
      ['common_config', 'disable_on_etag_header', 'remove_accept_encoding_header'],
      'compressor.response_direction_config',
    )
  }
  const library = compressorLibrary(config.compressorLibrary)
  const own = stats.scope(`${config.compressorLibrary?.name ?? ''}.${library.statName}.`)
  // The fields of the filter itself, which are deprecated, are about responses.
  const { contentLength, contentType } = config
  return {
    library,
    // That it is there turns compression of requests on.
    request: direction(request?.commonConfig, own.scope('request.'), 'request', request !== undefined),
    response: direction(
      response?.commonConfig,
      // As in Envoy: the names from before there were directions, unless this one is configured.
      response === undefined ? own : own.scope('response.'),
      'response',
      true,
      contentLength,
      contentType,
    ),
    etagOff: response?.disableOnEtagHeader ?? false,
    removeAcceptEncoding: response?.removeAcceptEncodingHeader ?? false,
  }
}

function direction(
  config: Compressor_CommonDirectionConfig | undefined,
  stats: StatsScope,
  name: string,
  enabled: boolean,
  minLength = 30,
  types: readonly string[] = [],
): DirectionSettings {
  if (config !== undefined) {
    onlyFields(
      Compressor_CommonDirectionConfigSchema,
      config,
      ['enabled', 'min_content_length', 'content_type'],
      `compressor.${name}_direction_config.common_config`,
    )
  }
  const given = config !== undefined && config.contentType.length > 0 ? config.contentType : types
  return {
    enabled: config?.enabled?.defaultValue ?? enabled,
    minLength: config?.minContentLength ?? minLength,
    types: new Set(given.length > 0 ? given : TYPES),
    stats: compressionStats(stats),
  }
}

class CompressorFilter extends CodecFilter<Compression> {
  readonly #callbacks: HttpFilterCallbacks
  readonly #settings: Settings
  #accepted = ''

  constructor(callbacks: HttpFilterCallbacks, settings: Settings) {
    super()
    this.#callbacks = callbacks
    this.#settings = settings
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    const { library, request, response, removeAcceptEncoding } = this.#settings
    this.#accepted = headers.getAll('accept-encoding').join(',')
    const rule = this.#callbacks.routeConfig<RouteRule>()
    const enabled = rule?.enabled ?? response.enabled
    if (enabled && (rule?.removeAcceptEncoding ?? removeAcceptEncoding)) headers.remove('accept-encoding')
    if (endStream || rule?.enabled === false || !request.enabled || !worthIt(headers, request)) {
      request.stats.notCompressed.value++
      return FilterHeadersStatus.Continue
    }
    headers.remove('content-length')
    headers.set('content-encoding', library.encoding)
    this.request = new Compression(library.make(), request.stats, REQUEST, this.#callbacks)
    return FilterHeadersStatus.Continue
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    const { library, response } = this.#settings
    if (!this.#compresses(headers, endStream)) {
      response.stats.notCompressed.value++
      return FilterHeadersStatus.Continue
    }
    headers.remove('content-length')
    headers.set('content-encoding', library.encoding)
    // RFC 9110 8.8.1: a strong validator is for the bytes that it was made of.
    const etag = headers.get('etag')
    if (etag !== undefined && !etag.startsWith('W/')) headers.set('etag', `W/${etag}`)
    this.response = new Compression(library.make(), response.stats, RESPONSE, this.#callbacks)
    return FilterHeadersStatus.Continue
  }

  /** Whether a response is compressed; if it could be, its `vary` says so. */
  #compresses(headers: HeaderMap, endStream: boolean): boolean {
    const { library, response, etagOff } = this.#settings
    if (endStream || !(this.#callbacks.routeConfig<RouteRule>()?.enabled ?? response.enabled)) return false
    const status = headers.get(':status')
    if (status === '204' || status === '304' || headers.has('content-range')) return false
    if (etagOff && headers.has('etag')) return false
    if (isNoTransform(headers) || !worthIt(headers, response)) return false
    // RFC 9110 12.5.5: the answer depends on the header whether it is compressed or not.
    const vary = headers.get('vary')
    if (vary === undefined) headers.add('vary', 'Accept-Encoding')
    else if (!/\*|accept-encoding/i.test(vary)) headers.set('vary', `${vary}, Accept-Encoding`)
    return accepts(this.#accepted, library.encoding)
  }
}

/** Of a type that shrinks, long enough, and not encoded yet. */
function worthIt(headers: HeaderMap, { types, minLength }: DirectionSettings): boolean {
  if (headers.has('content-encoding')) return false
  const length = headers.get('content-length')
  if (length !== undefined && Number(length) < minLength) return false
  const type = (headers.get('content-type') ?? '').split(';')[0].trim().toLowerCase()
  return type === '' || types.has(type)
}

/** RFC 9110 12.5.3, as far as the question is one coding. */
function accepts(header: string, encoding: string): boolean {
  let star: boolean | undefined
  for (const part of header.split(',')) {
    const [name, ...parameters] = part.trim().toLowerCase().split(';')
    const zero = parameters.some((p) => /^\s*q=0(?:\.0{0,3})?\s*$/.test(p))
    if (name.trim() === encoding) return !zero
    if (name.trim() === '*') star = !zero
  }
  return star ?? false
}
