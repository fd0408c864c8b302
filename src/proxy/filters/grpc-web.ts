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
import { grpcFromHttp } from '../http/grpc-from-http.ts'
import { percentEncode } from '../http/local-reply.ts'
import { isGrpc } from '../route/route-match.ts'

export const grpcWeb: HttpFilterFactory<typeof GrpcWebSchema> = {
  name: 'envoy.filters.http.grpc_web',
  configType: GrpcWebSchema,
  create: () => ({ createFilter: (callbacks) => new GrpcWebFilter(callbacks) }),
}

const TYPE = /^application\/grpc-web(-text)?(\+[a-z]+)?$/

/** Of a body as a message, as in Envoy. */
const LONGEST = 16_384

class GrpcWebFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  #web = false
  #text = false
  #textWanted = false
  #subtype = ''
  /** Base64 that does not fill a group of four yet, in each direction. */
  #rest = ''
  #unsent = Buffer.alloc(0)
  /** The headers of an answer that is none of gRPC, and what there is of its body. */
  #foreign: HeaderMap | undefined
  #message = ''

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
    headers.set('grpc-accept-encoding', 'identity')
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
    const foreign = headers.get(':status') !== '200' || !isGrpc(headers)
    headers.set('content-type', `application/grpc-web${this.#textWanted ? '-text' : ''}${this.#subtype || '+proto'}`)
    if (endStream) return FilterHeadersStatus.Continue
    if (foreign) {
      this.#foreign = headers
      return FilterHeadersStatus.StopIteration
    }
    headers.remove('content-length')
    return FilterHeadersStatus.Continue
  }

  /** An answer that is none of gRPC, as our own are, is one without messages: its body is what it says (GrpcWebFilter). */
  #translate(): void {
    const headers = this.#foreign as HeaderMap
    headers.set('grpc-status', String(grpcFromHttp(Number(headers.get(':status')))))
    if (this.#message !== '') headers.set('grpc-message', percentEncode(this.#message))
    headers.set('content-length', '0')
  }

  encodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (this.#foreign !== undefined) {
      this.#message += data
        .linearize()
        .subarray(0, LONGEST - this.#message.length)
        .latin1Slice()
      data.replace(Buffer.alloc(0))
      if (!endStream) return FilterDataStatus.StopIterationNoBuffer
      this.#translate()
      return FilterDataStatus.Continue
    }
    if (this.#web && this.#textWanted) this.#toText(data, endStream)
    return FilterDataStatus.Continue
  }

  encodeTrailers(trailers: HeaderMap): FilterTrailersStatus {
    if (!this.#web) return FilterTrailersStatus.Continue
    if (this.#foreign !== undefined) {
      this.#translate()
      return FilterTrailersStatus.Continue
    }
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
