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

/** `envoy.filters.http.grpc_web`: gRPC for browsers (grpc/doc/PROTOCOL-WEB.md), binary and text. */
export const grpcWeb: HttpFilterFactory<typeof GrpcWebSchema> = {
  name: 'envoy.filters.http.grpc_web',
  configType: GrpcWebSchema,
  create: () => ({ createFilter: (callbacks) => new GrpcWebFilter(callbacks) }),
}

/** All that is taken as a call, and whether it is text, letter by letter as in Envoy. */
const TYPES: ReadonlyMap<string | undefined, boolean> = new Map([
  ['application/grpc-web', false],
  ['application/grpc-web+proto', false],
  ['application/grpc-web-text', true],
  ['application/grpc-web-text+proto', true],
])

/** Of a body as a message, as in Envoy. */
const LONGEST = 16_384

class GrpcWebFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  #web = false
  #text = false
  #textWanted = false
  /** Base64 that does not fill a group of four yet. */
  #rest = ''
  /** The headers of an answer that is none of gRPC, and what there is of its body. */
  #foreign: HeaderMap | undefined
  #message = ''

  constructor(callbacks: HttpFilterCallbacks) {
    this.#callbacks = callbacks
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const text = TYPES.get(headers.get('content-type'))
    if (text === undefined) return FilterHeadersStatus.Continue
    this.#web = true
    this.#text = text
    this.#textWanted = TYPES.get(headers.get('accept')) === true
    headers.remove('content-length')
    headers.set('content-type', 'application/grpc')
    headers.set('te', 'trailers')
    // What a browser's client cannot do itself it does not ask for.
    if (headers.get('grpc-accept-encoding') === undefined) headers.set('grpc-accept-encoding', 'identity')
    return FilterHeadersStatus.Continue
  }

  decodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (!this.#text) return FilterDataStatus.Continue
    const text = this.#rest + data.linearize().latin1Slice()
    const whole = text.length - (text.length % 4)
    this.#rest = text.slice(whole)
    if (endStream && this.#rest !== '') return this.#refuse('grpc_base_64_decode_failed_bad_size')
    const groups = text.slice(0, whole)
    // Each group may end a padded run of its own, so the runs are decoded one by one.
    const parts = (groups.match(/[^=]+=*/g) ?? []).map((part) => Buffer.from(part, 'base64'))
    // Node skips what is no base64 (RFC 4648 3.3 refuses that): it does not come out again.
    if (parts.map((part) => part.toString('base64')).join('') !== groups)
      return this.#refuse('grpc_base_64_decode_failed')
    data.replace(Buffer.concat(parts))
    return FilterDataStatus.Continue
  }

  #refuse(details: string): FilterDataStatus {
    this.#callbacks.sendLocalReply(400, 'Bad gRPC-web request, invalid base64 data.', { details })
    return FilterDataStatus.StopIterationNoBuffer
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    if (!this.#web) return FilterHeadersStatus.Continue
    const foreign = headers.get(':status') !== '200' || !isGrpc(headers)
    headers.set('content-type', `application/grpc-web${this.#textWanted ? '-text' : ''}+proto`)
    if (foreign || !endStream) headers.remove('content-length')
    if (endStream || !foreign) return FilterHeadersStatus.Continue
    this.#foreign = headers
    return FilterHeadersStatus.StopIteration
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
    if (this.#web && this.#textWanted) toText(data)
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
    if (this.#textWanted) toText(data)
    trailers.clear()
    this.#callbacks.addEncodedData(data)
    return FilterTrailersStatus.Continue
  }
}

/** Whatever there is goes out at once, padded (PROTOCOL-WEB.md allows runs): a message must not wait for the next one. */
function toText(data: BodyBuffer): void {
  data.replace(Buffer.from(data.linearize().toString('base64')))
}
