/** Content codings in headers. */
import type { HeaderMap } from '../../../base/header-map.ts'

/** RFC 9110 8.4: codings are listed in the order in which they were applied, so that the last one is outermost. */
export function outermostCoding(headers: HeaderMap): string | undefined {
  const all = headers.get('content-encoding')
  if (all === undefined) return undefined
  const list = headers.getAll('content-encoding').join(',')
  return list
    .slice(list.lastIndexOf(',') + 1)
    .trim()
    .toLowerCase()
}

/** Takes the outermost coding out of the header. */
export function withoutOutermost(headers: HeaderMap): void {
  const list = headers.getAll('content-encoding').join(',')
  const rest = list.slice(0, Math.max(0, list.lastIndexOf(','))).trim()
  if (rest === '') headers.remove('content-encoding')
  else headers.set('content-encoding', rest)
}

/** RFC 9111 5.2.2.6, 5.2.1.6. */
export function isNoTransform(headers: HeaderMap): boolean {
  return (
    headers.has('cache-control') && /(?:^|,)\s*no-transform\s*(?:,|$)/i.test(headers.getAll('cache-control').join())
  )
}

/** Adds a coding to those that the upstream may answer in, whatever the client had to say about it. */
export function advertise(headers: HeaderMap, coding: string): void {
  if (!headers.has('accept-encoding')) {
    headers.add('accept-encoding', coding)
    return
  }
  const others = headers
    .getAll('accept-encoding')
    .join(',')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '' && one.split(';', 1)[0].trim().toLowerCase() !== coding)
  headers.set('accept-encoding', [...others, coding].join(','))
}
