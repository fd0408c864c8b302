import { randomFillSync } from 'node:crypto'

/** Ids are made in advance: the call for chance costs more than its bytes, and one text cut in pieces less than many put together. */
const BYTES = Buffer.alloc(16 * 256)
const LENGTH = 36
let ids = ''
let at = 0

/** A version 4 UUID (RFC 9562 5.4). */
export function requestId(): string {
  if (at === ids.length) refill()
  at += LENGTH
  return ids.substring(at - LENGTH, at)
}

function refill(): void {
  randomFillSync(BYTES)
  for (let i = 0; i < BYTES.length; i += 16) {
    BYTES[i + 6] = (BYTES[i + 6] & 0x0f) | 0x40
    BYTES[i + 8] = (BYTES[i + 8] & 0x3f) | 0x80
  }
  ids = BYTES.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/g, '$1-$2-$3-$4-$5')
  at = 0
}
