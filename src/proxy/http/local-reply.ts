import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import type { RouteEntry } from '../route/route-entry.ts'
import { isGrpc } from '../route/route-match.ts'
import type { LocalReplyOptions } from './filter.ts'
import { grpcFromHttp } from './grpc-from-http.ts'
import type { HttpStream } from './stream.ts'
import type { StreamInfo } from './stream-info.ts'

export interface PendingReply {
  readonly code: number
  /** A byte string. */
  readonly body: string
  readonly options: LocalReplyOptions | undefined
}

/** To what filters have left without a status. */
export const NO_STATUS: PendingReply = {
  code: 502,
  body: 'missing required header: :status',
  options: { details: 'filter_removed_required_response_headers{missing_required_header:_:status}' },
}

/**
 * RFC 9110 15.2: a 1xx is no answer, and a client would take the body behind one for the next. 101 is one where the upstream has said
 * so.
 */
export function isAnswer(status: string | undefined, info: StreamInfo): status is string {
  if (status === undefined) return false
  if (status === '101') return info.responseCode === 101
  const hundreds = status.charCodeAt(0)
  return status.length === 3 && hundreds >= 50 && hundreds <= 57 && isDigit(status, 1) && isDigit(status, 2)
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code >= 48 && code <= 57
}

/** Builds an answer of our own as Envoy does: text, or trailers-only for gRPC. */
export function localReply(
  stream: HttpStream,
  { code, body: text, options }: PendingReply,
): { headers: HeaderMap; body: BodyBuffer | undefined } {
  stream.info.responseCodeDetails = (options?.details ?? 'direct_response').replace(/\s/g, '_')
  stream.info.responseCode = code
  const headers = new HeaderMap([':status', String(code)])
  const grpc = isGrpc(stream.requestHeaders)
  if (!grpc) modify(stream, headers, options)
  stream.info.responseHeaders = headers
  const mapped = stream.manager.localReplyMapper?.map(stream.info, headers, text)
  const body = mapped === undefined ? text : mapped.body
  if (grpc) {
    modify(stream, headers, options)
    return { headers: grpcHeaders(headers, code, body, options), body: undefined }
  }
  if (body === '') {
    // As Envoy: what has no body has no type, whoever said one.
    headers.remove('content-type')
    // RFC 9110 8.6: a 204 has no length, and that of a 304 would be the length of what was not sent.
    const lengthless = stream.isHead || code === 204 || code === 304
    if (!headers.has('content-length') && !lengthless) headers.add('content-length', '0')
    return { headers, body: undefined }
  }
  const bytes = Buffer.from(body, 'latin1')
  headers.set('content-length', String(bytes.length))
  const contentType = mapped?.contentType ?? ''
  if (contentType !== '') headers.set('content-type', contentType)
  else if (!headers.has('content-type')) headers.add('content-type', 'text/plain')
  if (stream.isHead) return { headers, body: undefined }
  return { headers, body: BodyBuffer.of(bytes) }
}

/** The route's response headers are on answers of our own as well. */
function modify(stream: HttpStream, headers: HeaderMap, options: LocalReplyOptions | undefined): void {
  options?.modifyHeaders?.(headers)
  const route = stream.info.route as RouteEntry | undefined
  route?.finalizeResponse(headers, stream.info)
}

function grpcHeaders(
  headers: HeaderMap,
  code: number,
  message: string,
  options: LocalReplyOptions | undefined,
): HeaderMap {
  headers.set(':status', '200')
  headers.set('content-type', 'application/grpc')
  headers.set('grpc-status', String(options?.grpcStatus ?? grpcFromHttp(code)))
  if (message !== '') headers.set('grpc-message', percentEncode(message))
  headers.remove('content-length')
  return headers
}

/** gRPC over HTTP/2: Status-Message is percent-encoded outside of printable ASCII. */
function percentEncode(text: string): string {
  let result = ''
  for (const byte of Buffer.from(text, 'latin1')) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25
    result += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return result
}

/** The body of an answer to a message that cannot be read. */
export function codecErrorText(status: number): string {
  if (status === 408) return 'request header timeout'
  if (status === 431) return 'Request Header Fields Too Large'
  if (status === 501) return 'Not Implemented'
  if (status === 413) return 'Payload Too Large'
  return 'Bad Request'
}
