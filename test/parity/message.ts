/** Reading HTTP/1.1 messages off a connection: enough to see exactly what a proxy sent, with nothing repaired. */

export interface Message {
  readonly start: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Names of headers as they are spelt, sorted, of those that are not in lower case. */
  readonly spelt: string
  readonly body: string
  readonly trailers: readonly (readonly [name: string, value: string])[]
  /** False when the bytes ended before the message did. */
  readonly complete: boolean
  /** What broke it off, where the client is told. */
  readonly cut?: string
}

/** Whether a message was whole, else how it was broken off. */
export function completeness({ complete, cut }: Message): string {
  return cut ?? String(complete)
}

export interface Framing {
  readonly isResponse: boolean
  /** A response without a body whatever its headers say: to HEAD, 204, 304, 1xx. */
  readonly bodiless: (status: number) => boolean
  /** No more bytes will come. */
  readonly ended: boolean
}

/** The message that `text` begins with and how long it is; undefined while its head is unfinished. */
export function readMessage(text: string, framing: Framing): { message: Message; length: number } | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const [start, ...lines] = text.slice(0, end).split('\r\n')
  const headers = lines.map(split)
  const spelt = speltNames(lines)
  const from = end + 4
  const find = (name: string) => headers.find(([key]) => key === name)?.[1]
  const status = framing.isResponse ? Number(start.split(' ')[1]) : 0
  const whole = (
    body: string,
    length: number,
    complete = true,
    trailers: readonly (readonly [string, string])[] = [],
  ) => ({
    message: { start, headers, spelt, body, trailers, complete },
    length: from + length,
  })
  if (framing.isResponse && (status < 200 || framing.bodiless(status))) return whole('', 0)
  if (find('transfer-encoding')?.toLowerCase().endsWith('chunked')) {
    const { body, trailers, length, complete } = readChunks(text.slice(from))
    return whole(body, length, complete, trailers)
  }
  const length = find('content-length')
  if (length !== undefined) {
    const body = text.slice(from, from + Number(length))
    return whole(body, body.length, body.length === Number(length))
  }
  if (framing.isResponse) return whole(text.slice(from), text.length - from, framing.ended)
  return whole('', 0)
}

function speltNames(lines: readonly string[]): string {
  const names = lines.map((line) => line.slice(0, line.indexOf(':')))
  return names
    .filter((name) => name !== name.toLowerCase())
    .sort()
    .join(' ')
}

function split(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}

function readChunks(text: string) {
  let body = ''
  let at = 0
  for (;;) {
    const eol = text.indexOf('\r\n', at)
    if (eol === -1) return { body, trailers: [], length: text.length, complete: false }
    const size = Number.parseInt(text.slice(at, eol), 16)
    at = eol + 2
    if (size === 0) break
    if (Number.isNaN(size) || at + size + 2 > text.length) {
      return { body: body + text.slice(at, at + (size || 0)), trailers: [], length: text.length, complete: false }
    }
    body += text.slice(at, at + size)
    at += size + 2
  }
  const trailers: (readonly [string, string])[] = []
  for (;;) {
    const eol = text.indexOf('\r\n', at)
    if (eol === -1) return { body, trailers, length: text.length, complete: false }
    const line = text.slice(at, eol)
    at = eol + 2
    if (line === '') return { body, trailers, length: at, complete: true }
    trailers.push(split(line))
  }
}
