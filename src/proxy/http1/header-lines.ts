import { CodecError } from './codec-error.ts'
import type { HeadLimits } from './head.ts'
import { type HeaderName, headerName } from './header-names.ts'

/** Takes the fields of a header or trailer section in their order. */
export interface FieldSink {
  field(name: HeaderName, value: string): void
}

interface Line {
  /** With its CRLF. */
  readonly text: string
  readonly name: HeaderName
  readonly value: string
}

/** Sections longer than this are not remembered: an idle connection would keep them. */
const REMEMBERED = 4096

/**
 * Reads header lines. Consecutive messages of a connection mostly bring the same lines at the same places, so the last ones are
 * remembered: a line that is the same, byte for byte, has been checked and taken apart before.
 */
export class HeaderLines {
  readonly #last: Line[] = []

  /** The lines of `text` from `start` to `end`, each with its CRLF. */
  read(text: string, start: number, end: number, limits: HeadLimits, sink: FieldSink): void {
    const last = this.#last
    const remember = end - start <= REMEMBERED
    let at = start
    for (let i = 0; at < end; i++) {
      if (i === limits.maxCount) throw new CodecError('http1.too_many_headers', 'too many headers', 431)
      let line = i < last.length ? last[i] : undefined
      if (line === undefined || !text.startsWith(line.text, at)) {
        line = readLine(text, at)
        if (remember) last[i] = line
      }
      at += line.text.length
      sink.field(line.name, line.value)
    }
  }
}

function readLine(text: string, start: number): Line {
  const end = text.indexOf('\r\n', start)
  const first = text.charCodeAt(start)
  // RFC 9112 5.2 and 2.2: a line that continues the one before, or stands before the first.
  if (isBlank(first)) throw new CodecError('http1.codec_error', 'folded line in the head')
  checkLine(text, start, end)
  const colon = text.indexOf(':', start)
  if (colon === -1 || colon >= end) throw new CodecError('http1.codec_error', 'header line without a colon')
  const name = headerName(text.substring(start, colon))
  // RFC 9110 5.5: optional white space around the value is not part of it.
  let valueStart = colon + 1
  let valueEnd = end
  while (valueStart < valueEnd && isBlank(text.charCodeAt(valueStart))) valueStart++
  while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd--
  return { text: text.substring(start, end + 2), name, value: text.substring(valueStart, valueEnd) }
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}

/** What has no place in a line: controls but the tab (RFC 9110 5.5), among them bare CR and bare LF (RFC 9112 2.2). */
const CONTROL = new Uint8Array(256)
CONTROL.fill(1, 0, 32)
CONTROL[9] = 0
CONTROL[127] = 1

/** Refuses control characters in a line of a head; `end` is where its CRLF stands. */
export function checkLine(text: string, start: number, end: number): void {
  for (let i = start; i < end; i++) {
    if (CONTROL[text.charCodeAt(i)] === 0) continue
    throw new CodecError('http1.codec_error', 'control character or bare line end in the head')
  }
}
