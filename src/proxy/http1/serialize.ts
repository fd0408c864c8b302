import type { HeaderMap } from '../../base/header-map.ts'
import { isToken } from './header-names.ts'

const REASONS: Readonly<Record<number, string>> = {
  100: 'Continue',
  101: 'Switching Protocols',
  102: 'Processing',
  103: 'Early Hints',
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  203: 'Non-Authoritative Information',
  204: 'No Content',
  205: 'Reset Content',
  206: 'Partial Content',
  207: 'Multi-Status',
  208: 'Already Reported',
  226: 'IM Used',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  305: 'Use Proxy',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Payload Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  422: 'Unprocessable Entity',
  423: 'Locked',
  424: 'Failed Dependency',
  426: 'Upgrade Required',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  507: 'Insufficient Storage',
  508: 'Loop Detected',
  511: 'Network Authentication Required',
  599: 'Last Unassigned Server Error Code',
}

/** The reason phrase that Envoy writes: 'Unknown' where no standard has one. Nobody may rely on it (RFC 9112 4). */
export function reasonOf(status: number): string {
  return REASONS[status] ?? 'Unknown'
}

const statusLines = new Map<string, string>()

/** `HTTP/1.1 200 OK` with its CRLF. */
export function statusLine(status: string): string {
  let line = statusLines.get(status)
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${reasonOf(Number(status))}\r\n`
    statusLines.set(status, line)
  }
  return line
}

/**
 * What would end a line or hide from a parser, and what is no byte, of which the socket would write the lower half: of U+010A a line
 * end. Values that came over the wire cannot hold it; a filter's may, and the codec is the last to look.
 */
const UNSAFE = /[\0\r\n\u0100-\uffff]/

/** Framing belongs to the codec: whatever a filter says about it is left out, or the peer could see two messages in one. */
function isFraming(name: string, upgrade: boolean): boolean {
  switch (name.length) {
    case 10:
      return name === 'keep-alive' || (name === 'connection' && !upgrade)
    case 16:
      return name === 'proxy-connection'
    case 17:
      return name === 'transfer-encoding'
    default:
      return false
  }
}

/** Sections longer than this are not remembered. */
const REMEMBERED = 4096

/**
 * The header lines of one message, and what they say about its length. Filled again for each message: the lines at the beginning that
 * are those of the message before, mostly nearly all, are taken over from it as one piece. All connections of a thread share two, one
 * for each direction: what it says has to be used before the next message is written.
 */
export class HeadWriter {
  /** -1: not announced. */
  contentLength = -1
  /** The message before: its text, names and values, where the line of each ends, and its length if announced by then. */
  #lines = ''
  readonly #flat: string[] = []
  readonly #ends: number[] = []
  readonly #lengths: number[] = []
  /**
   * The text that this message and the one before begin with, and of how many names and values it is. It is mostly the same again, and
   * taking it anew from a text that was just put together would have the engine copy all of that.
   */
  #shared = ''
  #sharedParts = 0
  /** Left out, as it is written by whoever has the start line. */
  readonly #apart: string

  constructor(apart = '') {
    this.#apart = apart
  }

  /** Returns the lines. Pseudo headers are left out; `connection` stays only for upgrades. */
  write(headers: HeaderMap, upgrade: boolean): string {
    const { flat, written } = headers
    let from = 0
    while (from < flat.length && flat[from].charCodeAt(0) === 58) from += 2
    if (upgrade) {
      const lines = this.#write(flat, from, from, '', -1, true, written)
      this.#forget()
      return lines
    }
    const same = this.#sameAsBefore(flat, from)
    const at = (same >> 1) - 1
    if (same > 0 && same === this.#flat.length && same === flat.length - from) {
      this.contentLength = this.#lengths[at]
      return this.#lines
    }
    if (same !== this.#sharedParts) {
      this.#shared = same === 0 ? '' : this.#lines.substring(0, this.#ends[at])
      this.#sharedParts = same
    }
    const lengthBefore = same === 0 ? -1 : this.#lengths[at]
    return this.#write(flat, from, from + same, this.#shared, lengthBefore, false, written)
  }

  #forget(): void {
    this.#flat.length = 0
    this.#lines = ''
  }

  /** How much of `flat` from `from` on is at the beginning of the message before. */
  #sameAsBefore(flat: readonly string[], from: number): number {
    const before = this.#flat
    const length = Math.min(before.length, flat.length - from)
    let i = 0
    while (i < length && before[i] === flat[from + i] && before[i + 1] === flat[from + i + 1]) i += 2
    return i
  }

  #write(
    flat: readonly string[],
    from: number,
    start: number,
    before: string,
    lengthBefore: number,
    upgrade: boolean,
    written: boolean,
  ): string {
    let text = before
    let contentLength = lengthBefore
    for (let i = start; i < flat.length; i += 2) {
      const name = flat[i]
      const value = flat[i + 1]
      if (name.charCodeAt(0) !== 58 && !(written && (UNSAFE.test(value) || !isToken(name)))) {
        const length = name.length
        if (length === 14 && name === 'content-length') {
          if (contentLength === -1 && /^[0-9]{1,15}$/.test(value)) {
            contentLength = Number(value)
            text += `content-length: ${value}\r\n`
          }
        } else if (name !== this.#apart && !isFraming(name, upgrade)) text += `${name}: ${value}\r\n`
      }
      const at = i - from
      this.#flat[at] = name
      this.#flat[at + 1] = value
      this.#ends[at >> 1] = text.length
      this.#lengths[at >> 1] = contentLength
    }
    this.contentLength = contentLength
    if (text.length > REMEMBERED) this.#forget()
    else {
      // Setting a length is a call into the runtime, also where it changes nothing.
      if (this.#flat.length !== flat.length - from) this.#flat.length = flat.length - from
      this.#lines = text
    }
    return text
  }
}

/** Its host is the authority: with another one beside it each server would choose for itself (RFC 9112 3.2). */
export const requestLines: HeadWriter = new HeadWriter('host')
/** Has no name of its own to leave out. */
export const responseLines: HeadWriter = new HeadWriter()
