import {
  type Compressor,
  type Compressor_CommonDirectionConfig,
  Compressor_CommonDirectionConfigSchema,
  Compressor_RequestDirectionConfigSchema,
  Compressor_ResponseDirectionConfigSchema,
  type CompressorPerRoute,
  CompressorSchema,
} from '../../../../gen/envoy/extensions/filters/http/compressor/v3/compressor_pb.ts'
import type { Cell } from '../../../telemetry/metrics.ts'
import { invalid, onlyFields } from '../../config/fields.ts'
import type { StatsScope } from '../../stats/scope.ts'
import type { Candidate } from './accept-encoding.ts'
import { type CompressionStats, compressionStats } from './compression.ts'
import { type CompressorLibrary, compressorLibrary } from './compressor-library.ts'
import { type CounterCells, counterCells } from './compressor-stats.ts'

/** What is compressed of one direction. */
export interface DirectionSettings {
  readonly enabled: boolean
  readonly minLength: number
  /** In lower case. */
  readonly types: ReadonlySet<string>
  readonly stats: CompressionStats
  readonly tooSmall: Cell
}

/** The same of answers, with what they say of themselves. */
interface ResponseSettings extends DirectionSettings {
  readonly etagOff: boolean
  readonly weakenEtag: boolean
  readonly removeAcceptEncoding: boolean
  /** Values of `:status`. */
  readonly uncompressible: ReadonlySet<string>
}

/** The filter's configuration; to the other compressors of its chain it is a candidate. */
export interface Settings extends Candidate {
  readonly library: CompressorLibrary
  readonly request: DirectionSettings
  readonly response: ResponseSettings
  readonly counters: CounterCells
}

/** What a route says in place of the filter, where it says anything. */
export interface RouteRule {
  readonly enabled: boolean | undefined
  readonly removeAcceptEncoding: boolean | undefined
}

/** Envoy's default list. */
const TYPES = [
  'application/ecmascript',
  'application/grpc-web',
  'application/grpc-web+proto',
  'application/javascript',
  'application/json',
  'application/x-javascript',
  'application/x-json',
  'application/xhtml+xml',
  'application/xml',
  'image/svg+xml',
  'text/css',
  'text/ecmascript',
  'text/html',
  'text/javascript',
  'text/js',
  'text/jscript',
  'text/plain',
  'text/x-javascript',
  'text/x-js',
  'text/xml',
]

/** Reads a route's override. */
export function routeRule({ override }: CompressorPerRoute): RouteRule {
  if (override.case === 'disabled') {
    if (!override.value) throw invalid('compressor.disabled', 'must be true where it is set')
    return { enabled: false, removeAcceptEncoding: undefined }
  }
  if (override.case !== 'overrides') throw invalid('compressor', 'an override is missing')
  const direction = override.value.responseDirectionConfig
  // That it is there turns compression on, whatever it says.
  return { enabled: direction && true, removeAcceptEncoding: direction?.removeAcceptEncodingHeader }
}

/** Reads the filter's configuration; `stats` is below `compressor.`. */
export function settingsOf(config: Compressor, stats: StatsScope): Settings {
  const { requestDirectionConfig: request } = config
  onlyFields(
    CompressorSchema,
    config,
    [
      'compressor_library',
      'request_direction_config',
      'response_direction_config',
      'content_length',
      'content_type',
      'disable_on_etag_header',
      'remove_accept_encoding_header',
      'runtime_enabled',
      'choose_first',
    ],
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
  const library = compressorLibrary(config.compressorLibrary)
  const own = stats.scope(`${config.compressorLibrary?.name ?? ''}.${library.statName}.`)
  const response = responseSettings(config, own)
  return {
    library,
    encoding: library.encoding,
    chooseFirst: config.chooseFirst,
    types: response.types,
    // That it is there turns compression of requests on.
    request: direction(request?.commonConfig, own.scope('request.'), 'request', request !== undefined),
    response,
    counters: counterCells(own),
  }
}

/** As in Envoy the fields of the filter itself, which are deprecated, count only without the newer ones, and have other statistics. */
function responseSettings(config: Compressor, stats: StatsScope): ResponseSettings {
  const { responseDirectionConfig: response } = config
  if (response === undefined) {
    const { contentLength, contentType, runtimeEnabled } = config
    return {
      ...settings(runtimeEnabled?.defaultValue ?? true, contentLength, contentType, stats),
      etagOff: config.disableOnEtagHeader,
      weakenEtag: false,
      removeAcceptEncoding: config.removeAcceptEncodingHeader,
      uncompressible: new Set(),
    }
  }
  const path = 'compressor.response_direction_config'
  onlyFields(
    Compressor_ResponseDirectionConfigSchema,
    response,
    [
      'common_config',
      'disable_on_etag_header',
      'remove_accept_encoding_header',
      'uncompressible_response_codes',
      'weaken_etag_on_compress',
    ],
    path,
  )
  for (const [i, code] of response.uncompressibleResponseCodes.entries()) {
    if (code < 200 || code > 599) {
      throw invalid(`${path}.uncompressible_response_codes[${i}]`, 'must be from 200 to 599')
    }
  }
  return {
    ...direction(response.commonConfig, stats.scope('response.'), 'response', true),
    // The one that weakens is stronger.
    etagOff: response.disableOnEtagHeader && !response.weakenEtagOnCompress,
    weakenEtag: response.weakenEtagOnCompress,
    removeAcceptEncoding: response.removeAcceptEncodingHeader,
    uncompressible: new Set(response.uncompressibleResponseCodes.map(String)),
  }
}

function direction(
  config: Compressor_CommonDirectionConfig | undefined,
  stats: StatsScope,
  name: string,
  enabled: boolean,
): DirectionSettings {
  if (config !== undefined) {
    onlyFields(
      Compressor_CommonDirectionConfigSchema,
      config,
      ['enabled', 'min_content_length', 'content_type'],
      `compressor.${name}_direction_config.common_config`,
    )
  }
  return settings(config?.enabled?.defaultValue ?? enabled, config?.minContentLength, config?.contentType ?? [], stats)
}

function settings(
  enabled: boolean,
  minLength: number | undefined,
  types: readonly string[],
  stats: StatsScope,
): DirectionSettings {
  return {
    enabled,
    // Of Envoy, where 0 stands for it, too.
    minLength: minLength || 30,
    types: new Set(types.length > 0 ? types.map((type) => type.toLowerCase()) : TYPES),
    stats: compressionStats(stats),
    tooSmall: stats.counter('content_length_too_small'),
  }
}
