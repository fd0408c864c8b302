import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'

/** A filter that replaced a body which it held need not know that the length was announced: nothing has been sent yet. */
export function fixLength(
  headers: HeaderMap,
  held: BodyBuffer | undefined,
  complete: boolean,
  trailers: HeaderMap | undefined,
): void {
  if (held === undefined || !complete || trailers !== undefined) return
  const length = headers.get('content-length')
  if (length !== undefined && Number(length) !== held.length) headers.set('content-length', String(held.length))
}
