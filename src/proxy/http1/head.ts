/** Reading the head of an HTTP/1.1 message. RFC 9112; whatever it leaves to the recipient's mercy is refused. */

import { HeaderMap } from '../../base/header-map.ts'
import { isAuthority } from '../http/authority.ts'
import { CodecError } from './codec-error.ts'
import { type FieldSink, readLines } from './header-lines.ts'
import { HeaderId, type HeaderName, isToken } from './header-names.ts'
import { readRequestLine, readStatusLine } from './start-line.ts'

/** Envoy's defaults: `max_request_headers_kb` and `max_headers_count`. */
export interface HeadLimits {
  readonly maxBytes: number
  readonly maxCount: number
  /** `allow_custom_methods`: any token is a method. */
  readonly anyMethod: boolean
  /** `allow_absolute_url` */
  readonly absoluteUrls: boolean
  /** `use_remote_address` without trusted hops: clients come here first. */
  readonly edge: boolean
}

/** What holds where nothing is configured; 60 KiB and 100 headers are Envoy's. */
export const DEFAULT_LIMITS: HeadLimits = {
  maxBytes: 60 * 1024,
  maxCount: 100,
  anyMethod: false,
  absoluteUrls: true,
  edge: false,
}

/** Framing of a body. */
export const BodyKind = { None: 0, Length: 1, Chunked: 2, UntilClose: 3, Tunnel: 4 } as const
export type BodyKind = (typeof BodyKind)[keyof typeof BodyKind]

const NONE = new HeaderMap()

/** What the header section of a message says about the message. One object per connection, filled again for each message. */
export class MessageHead implements FieldSink {
  headers = NONE
  minor = 1
  bodyKind: BodyKind = BodyKind.None
  contentLength = -1
  keepAlive = true
  /** It says that the connection ends with it: by `connection: close`, or as HTTP/1.0 does that does not say `keep-alive`. */
  asksClose = false
  /** The protocol of a valid upgrade request or response, else ''. */
  upgrade = ''
  expectContinue = false
  chunked = false
  method = ''
  status = 0
  bytes = 0
  private connectionValue = ''
  private upgradeValue = ''
  private host: string | undefined
  private teTrailers = false

  /**
   * Reads a head from `start` to `end`: a request line and header lines, each with its CRLF, without the empty line that ended
   * them. `scheme` is that of the connection; `:scheme` is that of an absolute target, or empty.
   */
  parseRequest(bytes: Buffer, start: number, end: number, scheme: string, limits: HeadLimits): void {
    this.reset(end - start)
    const line = requestLine(bytes, start, limits)
    const { method } = line
    this.minor = line.minor
    this.method = method
    const flat = this.headers.flat
    flat.push(':authority', '', ':path', line.target, ':method', method, ':scheme', '')
    this.parseFields(bytes, line.next, end, limits)
    this.resolveTarget(method, line.target, flat, scheme, limits)
    this.frameRequest()
  }

  /** Throws for a request line that none can begin with; `parseRequest` reads it again once the head is there. */
  judgeRequestLine(bytes: Buffer, start: number, limits: HeadLimits): void {
    const { method, target } = requestLine(bytes, start, limits)
    if (method !== 'CONNECT' && !isTarget(target)) throw invalidTarget()
  }

  /** Reads a status line and header lines in the same form. `requestMethod` decides whether there can be a body. */
  parseResponse(bytes: Buffer, start: number, end: number, requestMethod: string, limits: HeadLimits): void {
    this.reset(end - start)
    const line = readStatusLine(bytes, start)
    this.status = line.status
    this.minor = line.minor
    this.headers.flat.push(':status', STATUS_TEXT[line.status])
    this.parseFields(bytes, line.next, end, limits)
    this.frameResponse(requestMethod)
  }

  /** Reads the lines of a trailer section (RFC 9112 7.1.2) into a map of their own. */
  static parseTrailers(text: string, limits: HeadLimits): HeaderMap {
    const head = new MessageHead()
    head.headers = new HeaderMap()
    const bytes = Buffer.from(text, 'latin1')
    head.headers.ascii = readLines(bytes, 0, bytes.length, limits, head)
    // RFC 9110 6.5.1: framing and routing fields have no business here, and a recipient that merges them is confused by them.
    if (head.contentLength !== -1 || head.chunked || head.host !== undefined) {
      throw new CodecError('http1.codec_error', 'framing header in the trailers')
    }
    return head.headers
  }

  /** Lets go of the last message's headers. */
  release(): void {
    this.headers = NONE
  }

  private reset(bytes: number): void {
    this.headers = new HeaderMap()
    this.minor = 1
    this.bodyKind = BodyKind.None
    this.contentLength = -1
    this.keepAlive = true
    this.upgrade = ''
    this.expectContinue = false
    this.chunked = false
    this.method = ''
    this.status = 0
    this.bytes = bytes
    this.connectionValue = ''
    this.upgradeValue = ''
    this.host = undefined
    this.teTrailers = false
  }

  private parseFields(bytes: Buffer, start: number, end: number, limits: HeadLimits): void {
    this.headers.ascii = readLines(bytes, start, end, limits, this)
    this.keepAlive = this.minor === 1
    if (this.connectionValue !== '') this.applyConnection()
    this.asksClose = !this.keepAlive
  }

  field(name: HeaderName, value: string): void {
    if (name.id === HeaderId.Other) this.headers.flat.push(name.name, value)
    else this.known(name.id, name.name, value)
  }

  private known(id: number, name: string, value: string): void {
    switch (id) {
      case HeaderId.ContentLength:
        // RFC 9112 6.3: differing values are an attack, and equal ones are no sane sender's.
        if (this.contentLength !== -1) throw new CodecError('http1.codec_error', 'more than one content-length')
        if (!isLength(value)) throw new CodecError('http1.codec_error', 'invalid content-length')
        this.contentLength = Number(value)
        if (this.contentLength > Number.MAX_SAFE_INTEGER)
          throw new CodecError('http1.codec_error', 'invalid content-length')
        this.headers.flat.push(name, value)
        return
      case HeaderId.TransferEncoding:
        // RFC 9112 6.1: a coding that is not understood is answered with 501; so is one that was applied twice.
        if (this.chunked || value.toLowerCase() !== 'chunked') {
          throw new CodecError('http1.invalid_transfer_encoding', 'unsupported transfer-encoding', 501)
        }
        this.chunked = true
        break
      case HeaderId.Connection:
        this.connectionValue = this.connectionValue === '' ? value : `${this.connectionValue},${value}`
        break
      case HeaderId.Host:
        // In an answer it says nothing.
        if (this.status !== 0) {
          this.headers.flat.push(name, value)
          return
        }
        if (this.host !== undefined) throw new CodecError('http1.codec_error', 'more than one host')
        this.host = value
        return
      case HeaderId.Expect:
        this.expectContinue = value.toLowerCase() === '100-continue'
        this.headers.flat.push(name, value)
        return
      case HeaderId.Upgrade:
        this.upgradeValue = this.upgradeValue === '' ? value : `${this.upgradeValue},${value}`
        break
      case HeaderId.ProxyConnection:
        break
      case HeaderId.Te:
        this.teTrailers ||= value
          .toLowerCase()
          .split(',')
          .some((coding) => coding.trim() === 'trailers')
        return
      default:
        // keep-alive, http2-settings: for this hop only (RFC 9110 7.6.1).
        return
    }
    // As in Envoy filters see what a response says of its connection, and the connection manager removes it.
    if (this.isAnswer) this.headers.flat.push(name, value)
  }

  private get isAnswer(): boolean {
    return this.status >= 200
  }

  /** RFC 9110 7.6.1: what `connection` names is for this hop only. */
  private applyConnection(): void {
    const value = this.connectionValue.toLowerCase()
    if (value === 'keep-alive') {
      this.keepAlive = true
      return
    }
    if (value === 'close') {
      this.keepAlive = false
      return
    }
    let nominated = 0
    let close = false
    for (const part of value.split(',')) {
      const token = part.trim()
      if (token === '') continue
      if (token === 'close') close = true
      else if (token === 'keep-alive') this.keepAlive = true
      else if (token === 'upgrade') this.upgrade = /^h2c$/i.test(this.upgradeValue) ? '' : this.upgradeValue
      else if (token !== 'te' && token !== 'http2-settings' && !(token === 'transfer-encoding' && this.isAnswer)) {
        // Some servers name transfer-encoding, which is of the connection anyway. Else as Envoy's sanitizeConnectionHeader: nobody may have these removed on the way, nor have us search for many.
        if (PROTECTED.has(token) || !isToken(token) || ++nominated > 10) {
          throw new CodecError('http1.connection_header_rejected', 'connection header names what it may not')
        }
        this.headers.remove(token)
      }
    }
    if (close) this.keepAlive = false
  }

  /** RFC 9112 3.2: the four forms of a request target, and which host they mean. */
  private resolveTarget(method: string, target: string, flat: string[], scheme: string, limits: HeadLimits): void {
    const host = this.host
    if (method === 'CONNECT') {
      if (!isAuthority(target)) throw new CodecError('http1.invalid_url', 'CONNECT needs an authority')
      flat[1] = target
      flat[3] = ''
      return
    }
    if (!isTarget(target)) throw invalidTarget()
    if (host !== undefined && host !== '' && !isAuthority(host))
      throw new CodecError('http.invalid_authority', 'invalid host')
    flat[1] = host ?? ''
    if (target.charCodeAt(0) === 47) return
    if (target === '*' && method === 'OPTIONS') return
    // Left as a path that no route can have; the connection manager refuses it (`absolute_path_rejected`).
    if (!limits.absoluteUrls) return
    const absolute = ABSOLUTE.exec(target)
    if (absolute === null || !isAuthority(absolute[2]))
      throw new CodecError('http1.invalid_url', 'invalid request target')
    if (!/^https?$/i.test(absolute[1])) throw new CodecError('http1.invalid_scheme', 'neither http nor https')
    // RFC 9110 4.2.2: what is to be asked for over TLS is not to be had without it.
    if (limits.edge && scheme === 'http' && absolute[1].length === 5)
      throw new CodecError('http1.https_url_on_plaintext_connection', 'https without TLS', 403)
    flat[7] = absolute[1].toLowerCase()
    // RFC 9112 3.2.2: the target's authority replaces the host field.
    flat[1] = absolute[2]
    flat[3] =
      absolute[3] === ''
        ? method === 'OPTIONS'
          ? '*'
          : '/'
        : absolute[3].startsWith('?')
          ? `/${absolute[3]}`
          : absolute[3]
  }

  private frameRequest(): void {
    if (this.chunked) {
      if (this.contentLength !== -1) {
        throw new CodecError(
          'http1.content_length_and_chunked_not_allowed',
          'both content-length and transfer-encoding',
        )
      }
      // RFC 9112 6.1: HTTP/1.0 has no transfer codings; a message that says so is faulty or an attack.
      if (this.minor === 0) throw new CodecError('http1.codec_error', 'transfer-encoding in HTTP/1.0')
      this.bodyKind = BodyKind.Chunked
    } else if (this.contentLength > 0) {
      this.bodyKind = BodyKind.Length
    }
    if (this.teTrailers) this.headers.flat.push('te', 'trailers')
    if (this.upgrade !== '') this.headers.flat.push('connection', 'upgrade', 'upgrade', this.upgrade)
    if (this.method === 'CONNECT' && this.bodyKind !== BodyKind.None)
      throw new CodecError('http1.body_disallowed', 'a body in a CONNECT request')
    // With a body it is the connection manager that refuses: whether there may be an upgrade is asked first, as in Envoy.
    if (this.bodyKind === BodyKind.None && (this.method === 'CONNECT' || this.upgrade !== '')) {
      this.bodyKind = BodyKind.Tunnel
      // Of the request it is the length, and over HTTP/2 it would be that of the tunnel. Envoy takes it away, too.
      if (this.contentLength === 0) this.headers.remove('content-length')
    }
  }

  /** RFC 9112 6.3, in its order. */
  private frameResponse(requestMethod: string): void {
    const status = this.status
    if (this.chunked && this.contentLength !== -1) {
      throw new CodecError('http1.content_length_and_chunked_not_allowed', 'both content-length and transfer-encoding')
    }
    if (status < 200 || status === 204) {
      // RFC 9112 6.1 and RFC 9110 8.6: neither framing header may stand here. As in Envoy only a length of 0 is dropped.
      if (this.chunked)
        throw new CodecError('http1.transfer_encoding_not_allowed', 'transfer-encoding in a response without body')
      if (this.contentLength > 0)
        throw new CodecError('http1.content_length_not_allowed', 'content-length in a response without body')
      if (this.contentLength === 0) this.headers.remove('content-length')
    }
    if (status === 101) {
      if (this.upgrade !== '') this.headers.flat.push('connection', 'upgrade', 'upgrade', this.upgrade)
      this.bodyKind = BodyKind.Tunnel
    } else if (requestMethod === 'CONNECT' && status >= 200 && status < 300) {
      this.bodyKind = BodyKind.Tunnel
    } else if (status < 200 || status === 204 || status === 304 || requestMethod === 'HEAD') {
      this.bodyKind = BodyKind.None
    } else if (this.chunked) {
      if (this.minor === 0) throw new CodecError('http1.codec_error', 'transfer-encoding in HTTP/1.0')
      this.bodyKind = BodyKind.Chunked
    } else if (this.contentLength === -1) {
      this.bodyKind = BodyKind.UntilClose
      this.keepAlive = false
    } else if (this.contentLength > 0) {
      this.bodyKind = BodyKind.Length
    }
  }
}

const STATUS_TEXT: readonly string[] = Array.from({ length: 1000 }, (_, code) => String(code))

const PROTECTED = new Set([
  'host',
  'cookie',
  'authorization',
  'content-length',
  'transfer-encoding',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-request-id',
])

function requestLine(bytes: Buffer, start: number, limits: HeadLimits): ReturnType<typeof readRequestLine> {
  const line = readRequestLine(bytes, start)
  if (!line.knownMethod && !(limits.anyMethod && isToken(line.method)))
    throw new CodecError('http1.codec_error', 'unknown method')
  return line
}

function invalidTarget(): CodecError {
  return new CodecError('http1.codec_error', 'invalid request target')
}

/** Of the forms of RFC 9112 3.2 but the authority; which of them is asked of whom is looked at later. */
function isTarget(target: string): boolean {
  const first = target.charCodeAt(0)
  return first === 47 || first === 42 || /^[a-z][a-z0-9+.-]*:\/\//i.test(target)
}

const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]+)([/?].*|)$/

/** One to sixteen digits. */
function isLength(value: string): boolean {
  const { length } = value
  if (length === 0 || length > 16) return false
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i)
    if (code < 48 || code > 57) return false
  }
  return true
}
