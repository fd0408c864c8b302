import { randomFillSync } from 'node:crypto'

/** Ids are made in advance: the call for chance costs more than its bytes, and one text cut in pieces less than many put together. */
const COUNT = 256
const CHANCE = Buffer.alloc(16 * COUNT)
const LENGTH = 36
const TEXT = Buffer.alloc(LENGTH * COUNT)
const HEX = Buffer.from('0123456789abcdef')
const DASH = 45
let ids = ''
let at = 0

/** A version 4 UUID (RFC 9562 5.4). */
export function requestId(): string {
  if (at === ids.length) refill()
  at += LENGTH
  return ids.substring(at - LENGTH, at)
}

function refill(): void {
  randomFillSync(CHANCE)
  let to = 0
  for (let i = 0; i < CHANCE.length; i++) {
    const place = i & 15
    let byte = CHANCE[i]
    if (place === 6) byte = (byte & 0x0f) | 0x40
    else if (place === 8) byte = (byte & 0x3f) | 0x80
    if (place === 4 || place === 6 || place === 8 || place === 10) TEXT[to++] = DASH
    TEXT[to++] = HEX[byte >> 4]
    TEXT[to++] = HEX[byte & 15]
  }
  ids = TEXT.latin1Slice()
  at = 0
}
