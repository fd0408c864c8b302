import { InternTable } from '../../base/intern.ts'
import { sharedView } from '../network/direct-socket.ts'
import { CodecError } from './codec-error.ts'
import type { HeadLimits } from './head.ts'
import { type HeaderName, headerName } from './header-names.ts'

/** Takes the fields of a header or trailer section in their order. */
export interface FieldSink {
  field(name: HeaderName, value: string): void
}

const CR = 13
const LF = 10
const COLON = 58

/** Bytes of a field value: all but controls, of which the tab alone has a place there (RFC 9110 5.5). 2: beyond ASCII. */
const VALUE = new Uint8Array(256).fill(1)
VALUE.fill(0, 0, 32)
VALUE[9] = 1
VALUE[127] = 0
VALUE.fill(2, 128)

/** What can stand before the colon, as far as the end of the name is concerned: whether it is a token is asked once for a name. */
const NAME = VALUE.map((kind) => (kind === 0 ? 0 : 1))
NAME[COLON] = 0

/** Equal values are one string, so that comparing them later compares addresses. */
const values = new InternTable((text) => text)
const names = new InternTable(headerName)

/** Reads the header lines from `start` to `end`, each with its CRLF. Tells whether their values are ASCII. */
export function readLines(bytes: Buffer, start: number, end: number, limits: HeadLimits, sink: FieldSink): boolean {
  const view = sharedView(bytes)
  let at = start
  let count = 0
  let classes = 0
  while (at < end) {
    if (count++ === limits.maxCount) throw new CodecError('http1.too_many_headers', 'too many headers', 431)
    // RFC 9112 5.2 and 2.2: a line that continues the one before, or stands before the first.
    if (isBlank(bytes[at])) throw new CodecError('http1.codec_error', 'folded line in the head')
    let colon = at
    while (NAME[bytes[colon]] === 1) colon++
    if (bytes[colon] !== COLON) {
      endOfLine(bytes, colon)
      throw new CodecError('http1.codec_error', 'header line without a colon')
    }
    const name = names.get(bytes, at, colon - at, view)
    // RFC 9110 5.5: optional white space around the value is not part of it.
    let first = colon + 1
    while (isBlank(bytes[first])) first++
    let last = first
    for (let kind = VALUE[bytes[last]]; kind !== 0; kind = VALUE[bytes[++last]]) classes |= kind
    at = endOfLine(bytes, last)
    while (last > first && isBlank(bytes[last - 1])) last--
    sink.field(name, values.get(bytes, first, last - first, view))
  }
  return classes < 2
}

/** Where the next line begins. RFC 9112 2.2: CR and LF, neither alone; nor any other control. */
export function endOfLine(bytes: Buffer, at: number): number {
  if (bytes[at] === CR && bytes[at + 1] === LF) return at + 2
  throw new CodecError('http1.codec_error', 'control character or bare line end in the head')
}

/** Where the empty line behind a head begins, counting the CRLF of the line before it: -1 while it is not there. */
export function findEnd(bytes: Buffer, from: number, end: number): number {
  let i = from + 3
  while (i < end) {
    const byte = bytes[i]
    // Three of four bytes need not be looked at: only one that belongs to the end makes the next ones matter.
    if (byte > CR) i += 4
    else if (byte === LF && bytes[i - 1] === CR && bytes[i - 2] === LF && bytes[i - 3] === CR) return i - 3
    else i++
  }
  return -1
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}
