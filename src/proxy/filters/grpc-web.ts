/** `envoy.filters.http.grpc_web`: gRPC for browsers (grpc/doc/PROTOCOL-WEB.md), binary and text. */
import { GrpcWebSchema } from '../../../gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.ts'
import { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../http/filter.ts'

export const grpcWeb: HttpFilterFactory<typeof GrpcWebSchema> = {
  name: 'envoy.filters.http.grpc_web',
  configType: GrpcWebSchema,
  create: () => ({ createFilter: (callbacks) => new GrpcWebFilter(callbacks) }),
}

const TYPE = /^application\/grpc-web(-text)?(\+[a-z]+)?$/

class GrpcWebFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  #web = false
  #text = false
  #textWanted = false
  #subtype = ''
  /** Base64 that does not fill a group of four yet, in each direction. */
  #rest = ''
  #unsent = Buffer.alloc(0)

  constructor(callbacks: HttpFilterCallbacks) {
    this.#callbacks = callbacks
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const match = TYPE.exec(headers.get('content-type') ?? '')
    if (match === null) return FilterHeadersStatus.Continue
    this.#web = true
    this.#text = match[1] !== undefined
    this.#subtype = match[2] ?? ''
    this.#textWanted = this.#text || /application\/grpc-web-text/.test(headers.get('accept') ?? '')
    headers.remove('content-length')
    headers.set('content-type', `application/grpc${this.#subtype}`)
    headers.set('te', 'trailers')
    headers.set('grpc-accept-encoding', 'identity,deflate,gzip')
    return FilterHeadersStatus.Continue
  }

  decodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (!this.#text) return FilterDataStatus.Continue
    const text = this.#rest + data.linearize().latin1Slice()
    const whole = text.length - (text.length % 4)
    this.#rest = text.slice(whole)
    const bad = !/^[A-Za-z0-9+/=]*$/.test(text) || (endStream && this.#rest !== '')
    if (bad) {
      this.#callbacks.sendLocalReply(400, 'Bad gRPC-web request, invalid base64 data.', {
        details: 'grpc_base_64_decode_failed_bad_size',
      })
      return FilterDataStatus.StopIterationNoBuffer
    }
    // Each group may end a padded run of its own, so the runs are decoded one by one.
    const parts = text.slice(0, whole).match(/[^=]+=*/g) ?? []
    data.replace(Buffer.concat(parts.map((part) => Buffer.from(part, 'base64'))))
    return FilterDataStatus.Continue
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    if (!this.#web) return FilterHeadersStatus.Continue
    if (!(headers.get('content-type') ?? '').startsWith('application/grpc')) return FilterHeadersStatus.Continue
    headers.set('content-type', `application/grpc-web${this.#textWanted ? '-text' : ''}${this.#subtype || '+proto'}`)
    if (!endStream) headers.remove('content-length')
    return FilterHeadersStatus.Continue
  }

  encodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (this.#web && this.#textWanted) this.#toText(data, endStream)
    return FilterDataStatus.Continue
  }

  encodeTrailers(trailers: HeaderMap): FilterTrailersStatus {
    if (!this.#web) return FilterTrailersStatus.Continue
    let text = ''
    for (const [name, value] of trailers) text += `${name}:${value}\r\n`
    const frame = Buffer.alloc(5 + text.length)
    // The highest bit of the flags marks the frame as trailers.
    frame[0] = 0x80
    frame.writeUInt32BE(text.length, 1)
    frame.latin1Write(text, 5)
    const data = new BodyBuffer()
    data.add(frame)
    if (this.#textWanted) this.#toText(data, true)
    trailers.clear()
    this.#callbacks.addEncodedData(data)
    return FilterTrailersStatus.Continue
  }

  #toText(data: BodyBuffer, end: boolean): void {
    const bytes = Buffer.concat([this.#unsent, data.linearize()])
    const whole = end ? bytes.length : bytes.length - (bytes.length % 3)
    this.#unsent = bytes.subarray(whole)
    data.replace(Buffer.from(bytes.subarray(0, whole).toString('base64')))
  }
}
