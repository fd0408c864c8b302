import {
  BufferPerRouteSchema,
  type Buffer as BufferProto,
  BufferSchema,
} from '../../../gen/envoy/extensions/filters/http/buffer/v3/buffer_pb.ts'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { invalid } from '../config/fields.ts'
import {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../http/filter.ts'

interface Limit {
  /** -1: off for this route. */
  readonly bytes: number
}

/** `envoy.filters.http.buffer`: holds a request until all of it is there. */
export const bufferFilter: HttpFilterFactory<typeof BufferSchema, typeof BufferPerRouteSchema> = {
  name: 'envoy.filters.http.buffer',
  configType: BufferSchema,
  routeConfigType: BufferPerRouteSchema,
  create(config) {
    const limit = compile(config)
    return { createFilter: (callbacks) => new BufferFilter(callbacks, limit) }
  },
  createRouteConfig({ override }) {
    if (override.case === 'disabled' && override.value) return { bytes: -1 }
    if (override.case === 'buffer') return compile(override.value)
    throw invalid('buffer', 'disabled: true or a buffer is missing')
  },
}

function compile(config: BufferProto): Limit {
  if (!config.maxRequestBytes) throw invalid('buffer.max_request_bytes', 'must be told, and more than 0')
  return { bytes: config.maxRequestBytes }
}

class BufferFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  readonly #limit: Limit
  #off = false

  constructor(callbacks: HttpFilterCallbacks, limit: Limit) {
    this.#callbacks = callbacks
    this.#limit = limit
  }

  decodeHeaders(_headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    const { bytes } = this.#callbacks.routeConfig<Limit>() ?? this.#limit
    this.#off = bytes === -1 || endStream
    if (this.#off) return FilterHeadersStatus.Continue
    this.#callbacks.setDecoderBufferLimit(bytes)
    return FilterHeadersStatus.StopIteration
  }

  decodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (this.#off) return FilterDataStatus.Continue
    if (!endStream) return FilterDataStatus.StopIterationAndBuffer
    this.#setLength((this.#callbacks.decodingBuffer?.length ?? 0) + data.length)
    return FilterDataStatus.Continue
  }

  decodeTrailers(): FilterTrailersStatus {
    return FilterTrailersStatus.Continue
  }

  /** The length is known now; a chunked request need not stay one. */
  #setLength(length: number): void {
    const headers = this.#callbacks.requestHeaders
    if (!headers.has('content-length')) headers.add('content-length', String(length))
  }
}
