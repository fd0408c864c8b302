import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import type { RouteEntry } from '../route/route-entry.ts'
import type { LocalReplyOptions } from './filter.ts'
import { grpcFromHttp } from './grpc-from-http.ts'
import type { HttpStream } from './stream.ts'
import type { StreamInfo } from './stream-info.ts'

/** An answer of our own that has not gone out yet. */
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
  modify(stream, headers, options)
  stream.info.responseHeaders = headers
  const own = typeOf(headers)
  const mapped = stream.manager.localReplyMapper?.map(stream.info, headers, text)
  const body = mapped === undefined ? text : mapped.body
  if (stream.isGrpc) {
    return {
      headers: grpcHeaders(headers, stream.info.responseCode, body, mapped?.isJson === true, stream.isHead, options),
      body: undefined,
    }
  }
  if (body === '') {
    // As Envoy: what has no body has neither length, which HTTP/1.1 adds, nor type, whoever said one.
    headers.remove('content-length')
    headers.remove('content-type')
    return { headers, body: undefined }
  }
  const bytes = Buffer.from(body, 'latin1')
  headers.set('content-length', String(bytes.length))
  // A type that is told for the old body is not that of a new one, unless the mapper has told one.
  const type = typeOf(headers)
  if (type === undefined || (body !== text && (type === own || type === '')))
    headers.set('content-type', mapped?.contentType ?? 'text/plain')
  if (stream.isHead) return { headers, body: undefined }
  return { headers, body: BodyBuffer.of(bytes) }
}

/** Whoever has added to a type has told one as well. */
function typeOf(headers: HeaderMap): string | undefined {
  return headers.has('content-type') ? headers.getAll('content-type').join() : undefined
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
  isJson: boolean,
  isHead: boolean,
  options: LocalReplyOptions | undefined,
): HeaderMap {
  headers.set(':status', '200')
  headers.set('content-type', 'application/grpc')
  if (!headers.get('grpc-status')) headers.set('grpc-status', String(options?.grpcStatus ?? grpcFromHttp(code)))
  // A line of JSON ends with a line feed, which is no part of a message.
  const text = isJson ? message.slice(0, -1) : message
  if (text !== '' && !isHead) headers.set('grpc-message', percentEncode(text))
  headers.remove('content-length')
  return headers
}

/** gRPC over HTTP/2: Status-Message is percent-encoded outside of printable ASCII. */
export function percentEncode(text: string): string {
  let result = ''
  for (const byte of Buffer.from(text, 'latin1')) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25
    result += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return result
}

/** The body of an answer to a message that cannot be read. */
export function codecErrorText(status: number): string {
  if (status === 403) return 'Forbidden'
  if (status === 408) return 'request header timeout'
  if (status === 431) return 'Request Header Fields Too Large'
  if (status === 501) return 'Not Implemented'
  if (status === 413) return 'Payload Too Large'
  return 'Bad Request'
}
