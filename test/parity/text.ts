import type { Send } from './case.ts'

type Headers = Readonly<Record<string, string | readonly string[]>> | undefined

export function headerLines(headers: Headers): string {
  return Object.entries(headers ?? {})
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((one) => `${name}: ${one}\r\n`))
    .join('')
}

export interface Body {
  readonly body?: string
  readonly chunks?: readonly string[]
  readonly trailers?: Headers
}

/** A body with the header that frames it; `always`: also an empty one is announced. */
export function sendBody({ body, chunks, trailers }: Body, always: boolean): { lines: string; body: string } {
  if (chunks !== undefined) {
    const data = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')
    return { lines: 'transfer-encoding: chunked\r\n', body: `${data}0\r\n${headerLines(trailers)}\r\n` }
  }
  if (body === undefined && !always) return { lines: '', body: '' }
  return { lines: `content-length: ${(body ?? '').length}\r\n`, body: body ?? '' }
}

export function requestText(send: Send): string {
  if (send.raw !== undefined) return send.raw
  const { method = 'GET', path = '/', host = 'a.example', version = 'HTTP/1.1' } = send
  const { lines, body } = sendBody(send, false)
  const hostLine = host === '' ? '' : `host: ${host}\r\n`
  return `${method} ${path} ${version}\r\n${hostLine}${headerLines(send.headers)}${lines}\r\n${body}`
}
