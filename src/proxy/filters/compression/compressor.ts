/** `envoy.filters.http.compressor` for responses, with gzip and brotli. */
import { constants, createBrotliCompress, createGzip } from 'node:zlib'
import {
  type Brotli,
  BrotliSchema,
} from '../../../../gen/envoy/extensions/compression/brotli/compressor/v3/brotli_pb.ts'
import { type Gzip, GzipSchema } from '../../../../gen/envoy/extensions/compression/gzip/compressor/v3/gzip_pb.ts'
import {
  type Compressor,
  Compressor_CommonDirectionConfigSchema,
  Compressor_ResponseDirectionConfigSchema,
  CompressorPerRouteSchema,
  CompressorSchema,
} from '../../../../gen/envoy/extensions/filters/http/compressor/v3/compressor_pb.ts'
import type { BodyBuffer } from '../../../base/body-buffer.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { unpack } from '../../config/any.ts'
import { invalid, onlyFields, unsupported, within } from '../../config/fields.ts'
import {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../../http/filter.ts'
import { BodyCodec, type BodyCodecOwner, type Codec, HELD } from './body-codec.ts'
import { RESPONSE } from './side.ts'

interface Settings {
  readonly encoding: 'gzip' | 'br'
  readonly make: () => Codec
  readonly minLength: number
  readonly types: ReadonlySet<string>
  readonly etagOff: boolean
  readonly removeAcceptEncoding: boolean
  readonly enabled: boolean
  readonly compressed: { value: number }
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
    const scope = context.stats.scope(`${context.statPrefix}compressor.`)
    const settings = compile(config, scope.counter('compressed'))
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

function compile(config: Compressor, compressed: { value: number }): Settings {
  onlyFields(
    CompressorSchema,
    config,
    ['compressor_library', 'response_direction_config', 'content_length', 'content_type'],
    'compressor',
  )
  const direction = config.responseDirectionConfig
  const common = direction?.commonConfig
  if (direction !== undefined) {
    onlyFields(
      Compressor_ResponseDirectionConfigSchema,
      direction,
      ['common_config', 'disable_on_etag_header', 'remove_accept_encoding_header'],
      'compressor.response_direction_config',
    )
  }
  if (common !== undefined) {
    onlyFields(
      Compressor_CommonDirectionConfigSchema,
      common,
      ['enabled', 'min_content_length', 'content_type'],
      'compressor.response_direction_config.common_config',
    )
  }
  const types = common !== undefined && common.contentType.length > 0 ? common.contentType : config.contentType
  return {
    ...library(config),
    minLength: common?.minContentLength ?? config.contentLength ?? 30,
    types: new Set(types.length > 0 ? types : TYPES),
    etagOff: direction?.disableOnEtagHeader ?? false,
    removeAcceptEncoding: direction?.removeAcceptEncodingHeader ?? false,
    enabled: common?.enabled?.defaultValue ?? true,
    compressed,
  }
}

function library(config: Compressor): Pick<Settings, 'encoding' | 'make'> {
  const path = 'compressor.compressor_library.typed_config'
  const { typeName, message } = unpack(config.compressorLibrary?.typedConfig, path)
  if (typeName === GzipSchema.typeName) {
    const gzip = message as Gzip
    onlyFields(GzipSchema, gzip, ['memory_level', 'compression_level', 'window_bits', 'chunk_size'], path)
    const options = {
      memLevel: within(gzip.memoryLevel, 5, 1, 9, `${path}.memory_level`),
      windowBits: within(gzip.windowBits, 12, 9, 15, `${path}.window_bits`),
      level: within(gzip.compressionLevel, 0, 0, 9, `${path}.compression_level`) || constants.Z_DEFAULT_COMPRESSION,
      chunkSize: chunkSize(gzip.chunkSize, path),
      highWaterMark: HELD,
    }
    return { encoding: 'gzip', make: () => createGzip(options) }
  }
  if (typeName !== BrotliSchema.typeName) throw unsupported(path, `compressor ${typeName}`)
  const brotli = message as Brotli
  onlyFields(BrotliSchema, brotli, ['quality', 'window_bits', 'chunk_size'], path)
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: within(brotli.quality, 3, 0, 11, `${path}.quality`),
    [constants.BROTLI_PARAM_LGWIN]: within(brotli.windowBits, 18, 10, 24, `${path}.window_bits`),
  }
  const options = { params, chunkSize: chunkSize(brotli.chunkSize, path), highWaterMark: HELD }
  return { encoding: 'br', make: () => createBrotliCompress(options) }
}

/** Envoy's bounds, here as above: zlib throws at what it cannot do, and would do so within a request. */
function chunkSize(value: number | undefined, path: string): number {
  return within(value, 16_384, 4096, 65_536, `${path}.chunk_size`)
}

class CompressorFilter implements HttpFilter, BodyCodecOwner {
  readonly #callbacks: HttpFilterCallbacks
  readonly #settings: Settings
  #accepted = ''
  #codec: BodyCodec | undefined

  constructor(callbacks: HttpFilterCallbacks, settings: Settings) {
    this.#callbacks = callbacks
    this.#settings = settings
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    this.#accepted = headers.getAll('accept-encoding').join(',')
    const rule = this.#callbacks.routeConfig<RouteRule>()
    const enabled = rule?.enabled ?? this.#settings.enabled
    if (enabled && (rule?.removeAcceptEncoding ?? this.#settings.removeAcceptEncoding))
      headers.remove('accept-encoding')
    return FilterHeadersStatus.Continue
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    const { encoding } = this.#settings
    if (endStream || !(this.#callbacks.routeConfig<RouteRule>()?.enabled ?? this.#settings.enabled))
      return FilterHeadersStatus.Continue
    if (!this.#compressible(headers)) return FilterHeadersStatus.Continue
    // RFC 9110 12.5.5: the answer depends on the header whether it is compressed or not.
    const vary = headers.get('vary')
    if (vary === undefined) headers.add('vary', 'Accept-Encoding')
    else if (!/\*|accept-encoding/i.test(vary)) headers.set('vary', `${vary}, Accept-Encoding`)
    if (!accepts(this.#accepted, encoding)) return FilterHeadersStatus.Continue
    headers.remove('content-length')
    headers.set('content-encoding', encoding)
    // RFC 9110 8.8.1: a strong validator is for the bytes that it was made of.
    const etag = headers.get('etag')
    if (etag !== undefined && !etag.startsWith('W/')) headers.set('etag', `W/${etag}`)
    this.#settings.compressed.value++
    // What was written must come out even if nothing follows for long: a stream of events is a response, too.
    this.#codec = new BodyCodec(this.#settings.make(), RESPONSE, this.#callbacks, this, true)
    return FilterHeadersStatus.Continue
  }

  encodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (this.#codec === undefined) return FilterDataStatus.Continue
    this.#codec.write(data, endStream)
    return FilterDataStatus.StopIterationNoBuffer
  }

  encodeTrailers(): FilterTrailersStatus {
    if (this.#codec === undefined) return FilterTrailersStatus.Continue
    this.#codec.complete()
    return FilterTrailersStatus.StopIteration
  }

  onDestroy(): void {
    this.#codec?.destroy()
  }

  onInput(): void {}

  onOutput(): void {}

  onEnd(): void {}

  onError(error: Error): void {
    this.#callbacks.resetStream(`compressor: ${error.message}`)
  }

  #compressible(headers: HeaderMap): boolean {
    const { types, minLength, etagOff } = this.#settings
    const status = headers.get(':status')
    if (status === '204' || status === '304' || headers.has('content-encoding') || headers.has('content-range'))
      return false
    if (etagOff && headers.has('etag')) return false
    if (/no-transform/i.test(headers.get('cache-control') ?? '')) return false
    const length = headers.get('content-length')
    if (length !== undefined && Number(length) < minLength) return false
    const type = (headers.get('content-type') ?? '').split(';')[0].trim().toLowerCase()
    return type === '' || types.has(type)
  }
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
