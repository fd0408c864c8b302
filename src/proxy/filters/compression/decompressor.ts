import {
  type Decompressor,
  type Decompressor_CommonDirectionConfig,
  Decompressor_CommonDirectionConfigSchema,
  Decompressor_RequestDirectionConfigSchema,
  Decompressor_ResponseDirectionConfigSchema,
  DecompressorSchema,
} from '../../../../gen/envoy/extensions/filters/http/decompressor/v3/decompressor_pb.ts'
import type { HeaderMap } from '../../../base/header-map.ts'
import { invalid, onlyFields } from '../../config/fields.ts'
import { FilterHeadersStatus, type HttpFilterCallbacks, type HttpFilterFactory } from '../../http/filter.ts'
import type { StatsScope } from '../../stats/scope.ts'
import { CodecFilter } from './codec-filter.ts'
import { advertise, isNoTransform, outermostCoding, withoutOutermost } from './codings.ts'
import { Decompression, type DecompressionStats, decompressionStats } from './decompression.ts'
import { type DecompressorLibrary, decompressorLibrary } from './decompressor-library.ts'
import { REQUEST, RESPONSE, type Side } from './side.ts'

interface DirectionSettings {
  readonly enabled: boolean
  readonly ignoreNoTransform: boolean
  readonly stats: DecompressionStats
}

interface Settings {
  readonly library: DecompressorLibrary
  readonly trailerPrefix: string
  readonly advertise: boolean
  readonly request: DirectionSettings
  readonly response: DirectionSettings
}

/** `envoy.filters.http.decompressor`: opens requests and responses whose outermost content coding is the library's. */
export const decompressor: HttpFilterFactory<typeof DecompressorSchema> = {
  name: 'envoy.filters.http.decompressor',
  configType: DecompressorSchema,
  create(config, context) {
    const settings = compile(config, context.stats.scope(context.statPrefix))
    return { createFilter: (callbacks) => new DecompressorFilter(callbacks, settings) }
  },
}

function compile(config: Decompressor, stats: StatsScope): Settings {
  const { requestDirectionConfig: request, responseDirectionConfig: response } = config
  onlyFields(
    DecompressorSchema,
    config,
    ['decompressor_library', 'request_direction_config', 'response_direction_config'],
    'decompressor',
  )
  if (request !== undefined) {
    onlyFields(
      Decompressor_RequestDirectionConfigSchema,
      request,
      ['common_config', 'advertise_accept_encoding'],
      'decompressor.request_direction_config',
    )
  }
  if (response !== undefined) {
    onlyFields(
      Decompressor_ResponseDirectionConfigSchema,
      response,
      ['common_config'],
      'decompressor.response_direction_config',
    )
  }
  const name = config.decompressorLibrary?.name ?? ''
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) {
    throw invalid(
      'decompressor.decompressor_library.name',
      'must be a token of HTTP, as names of trailers have it in them',
    )
  }
  const own = stats.scope(`decompressor.${name}.`)
  const library = decompressorLibrary(config.decompressorLibrary, own)
  const enabled = response?.commonConfig?.enabled?.defaultValue ?? true
  return {
    library,
    trailerPrefix: `x-envoy-decompressor-${name.toLowerCase()}`,
    advertise: enabled && (request?.advertiseAcceptEncoding ?? true),
    request: direction(request?.commonConfig, own.scope(`${library.statName}.request.`), 'request'),
    response: direction(response?.commonConfig, own.scope(`${library.statName}.response.`), 'response'),
  }
}

function direction(
  config: Decompressor_CommonDirectionConfig | undefined,
  stats: StatsScope,
  name: string,
): DirectionSettings {
  if (config !== undefined) {
    onlyFields(
      Decompressor_CommonDirectionConfigSchema,
      config,
      ['enabled', 'ignore_no_transform_header'],
      `decompressor.${name}_direction_config.common_config`,
    )
  }
  return {
    enabled: config?.enabled?.defaultValue ?? true,
    ignoreNoTransform: config?.ignoreNoTransformHeader ?? false,
    stats: decompressionStats(stats),
  }
}

class DecompressorFilter extends CodecFilter<Decompression> {
  readonly #callbacks: HttpFilterCallbacks
  readonly #settings: Settings

  constructor(callbacks: HttpFilterCallbacks, settings: Settings) {
    super()
    this.#callbacks = callbacks
    this.#settings = settings
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    const settings = this.#settings
    if (settings.advertise) advertise(headers, settings.library.coding)
    if (!endStream) this.request = this.#start(headers, settings.request, REQUEST)
    return FilterHeadersStatus.Continue
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    if (!endStream) this.response = this.#start(headers, this.#settings.response, RESPONSE)
    return FilterHeadersStatus.Continue
  }

  #start(headers: HeaderMap, direction: DirectionSettings, side: Side): Decompression | undefined {
    const { library, trailerPrefix } = this.#settings
    if (
      !direction.enabled ||
      outermostCoding(headers) !== library.coding ||
      (!direction.ignoreNoTransform && isNoTransform(headers))
    ) {
      direction.stats.notDecompressed.value++
      return undefined
    }
    direction.stats.decompressed.value++
    headers.remove('content-length')
    withoutOutermost(headers)
    return new Decompression(library, direction.stats, trailerPrefix, side, this.#callbacks)
  }
}
