import type { HeaderMap } from '../../base/header-map.ts'

/** RFC 9113 8.2.2: headers of HTTP/1.1 connections, which have no place in HTTP/2. */
const CONNECTION_SPECIFIC = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

const INVALID = /[\0\r\n]|^[ \t]|[ \t]$/

/** The list that node:http2 takes: name, value, …; what HTTP/2 forbids is left out. */
export function toHttp2(headers: HeaderMap): string[] {
  const flat = headers.flat
  const list: string[] = []
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i]
    const value = flat[i + 1]
    if (CONNECTION_SPECIFIC.has(name) || INVALID.test(value)) continue
    // RFC 9113 8.2.2: te may say nothing but trailers.
    if (name === 'te' && value !== 'trailers') continue
    list.push(name, value)
  }
  return list
}

/** RFC 9113 8.2.3: cookies may come in several fields, which other protocols must see as one. */
export function joinCookies(flat: string[]): void {
  let first = -1
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i] !== 'cookie') continue
    if (first === -1) {
      first = i
      continue
    }
    flat[first + 1] += `; ${flat[i + 1]}`
    flat.splice(i, 2)
    i -= 2
  }
}

/** Trailers in the form that node:http2 takes them in. */
export function toObject(headers: HeaderMap): Record<string, string[]> {
  const result: Record<string, string[]> = Object.create(null)
  for (const [name, value] of headers) {
    if (name.startsWith(':')) continue
    result[name] ??= []
    result[name].push(value)
  }
  return result
}
