import { randomFillSync } from 'node:crypto'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Chance is fetched for many ids at once: the call costs more than the bytes. */
const POOL = Buffer.alloc(16 * 256)
let at = POOL.length

/** A version 4 UUID (RFC 9562 5.4). */
export function requestId(): string {
  if (at === POOL.length) {
    randomFillSync(POOL)
    at = 0
  }
  const b = POOL
  const i = at
  at += 16
  return (
    `${HEX[b[i]]}${HEX[b[i + 1]]}${HEX[b[i + 2]]}${HEX[b[i + 3]]}-${HEX[b[i + 4]]}${HEX[b[i + 5]]}-` +
    `${HEX[(b[i + 6] & 0x0f) | 0x40]}${HEX[b[i + 7]]}-${HEX[(b[i + 8] & 0x3f) | 0x80]}${HEX[b[i + 9]]}-` +
    `${HEX[b[i + 10]]}${HEX[b[i + 11]]}${HEX[b[i + 12]]}${HEX[b[i + 13]]}${HEX[b[i + 14]]}${HEX[b[i + 15]]}`
  )
}
