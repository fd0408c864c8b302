/** The first line of a message, RFC 9112 3 and 4. */
import { InternTable } from '../../base/intern.ts'
import { CodecError } from './codec-error.ts'
import { endOfLine } from './header-lines.ts'

/**
 * Envoy's list (llhttp's). RFC 9110 9.1 lets methods be extended, but what follows a message whose end somebody got wrong reads
 * like a request with a strange method, such as `helloGET`.
 */
const METHODS = new Set(
  (
    'GET POST HEAD PUT DELETE OPTIONS PATCH CONNECT TRACE ACL BIND CHECKOUT COPY LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE ' +
    'M-SEARCH NOTIFY PROPFIND PROPPATCH PURGE REBIND REPORT SEARCH SOURCE SUBSCRIBE UNBIND UNLINK UNLOCK UNSUBSCRIBE'
  ).split(' '),
)

/** Equal methods and short targets are one string each. */
const methods = new InternTable((text) => ({ text, known: METHODS.has(text) }))
const targets = new InternTable((text) => text)

/** What the last line said; filled again by each call. */
const requestLine = { method: '', knownMethod: false, target: '', minor: 1, next: 0 }
const statusLine = { status: 0, minor: 1, next: 0 }

const SPACE = 32
const CR = 13

/** Reads `method SP request-target SP HTTP-version CRLF`. */
export function readRequestLine(bytes: Buffer, start: number): Readonly<typeof requestLine> {
  // Exactly one SP between the parts; "lenient" splitting on other white space is a known smuggling vector.
  const methodEnd = endOfPart(bytes, start)
  let targetEnd = methodEnd + 1
  let seen = 0
  while (bytes[targetEnd] > SPACE && bytes[targetEnd] !== 127) seen |= bytes[targetEnd++]
  if (bytes[methodEnd] !== SPACE || bytes[targetEnd] !== SPACE || methodEnd === start || targetEnd === methodEnd + 1)
    throw new CodecError('http1.codec_error', 'malformed request line')
  // RFC 3986 2: a URI is of ASCII. Envoy answers the same over HTTP/1, and takes such bytes over HTTP/2.
  if (seen > 0x7f) throw new CodecError('http1.codec_error', 'request target outside of ASCII')
  const minor = minorVersion(bytes, targetEnd + 1)
  if (minor === -1) throw new CodecError('http1.codec_error', 'not HTTP/1.1 or HTTP/1.0')
  const method = methods.get(bytes, start, methodEnd - start)
  requestLine.method = method.text
  requestLine.knownMethod = method.known
  requestLine.target = targets.get(bytes, methodEnd + 1, targetEnd - methodEnd - 1)
  requestLine.minor = minor
  requestLine.next = endOfLine(bytes, targetEnd + 9)
  return requestLine
}

/** Reads `HTTP-version SP status-code SP [ reason-phrase ] CRLF`; that a server leaves out the second space is common. */
export function readStatusLine(bytes: Buffer, start: number): Readonly<typeof statusLine> {
  const hundreds = bytes[start + 9] - 48
  const tens = bytes[start + 10] - 48
  const ones = bytes[start + 11] - 48
  const minor = minorVersion(bytes, start)
  const digits = hundreds >= 1 && hundreds <= 9 && isDigit(tens) && isDigit(ones)
  const behind = bytes[start + 12]
  if (minor === -1 || bytes[start + 8] !== SPACE || !digits || (behind !== SPACE && behind !== CR))
    throw new CodecError('http1.codec_error', 'malformed status line')
  let end = start + 12
  // obs-text and what a reason may hold besides: it ends where a line may.
  while (bytes[end] > 31 ? bytes[end] !== 127 : bytes[end] === 9) end++
  statusLine.status = hundreds * 100 + tens * 10 + ones
  statusLine.minor = minor
  statusLine.next = endOfLine(bytes, end)
  return statusLine
}

/** Where the next space or control stands. */
function endOfPart(bytes: Buffer, start: number): number {
  let end = start
  while (bytes[end] > SPACE && bytes[end] !== 127) end++
  return end
}

/** Of `HTTP/1.0` and `HTTP/1.1`; else -1. */
function minorVersion(b: Buffer, at: number): number {
  const prefix =
    b[at] === 72 && b[at + 1] === 84 && b[at + 2] === 84 && b[at + 3] === 80 && b[at + 4] === 47 && b[at + 5] === 49
  if (!prefix || b[at + 6] !== 46) return -1
  const minor = b[at + 7] - 48
  return minor === 0 || minor === 1 ? minor : -1
}

function isDigit(value: number): boolean {
  return value >= 0 && value <= 9
}
