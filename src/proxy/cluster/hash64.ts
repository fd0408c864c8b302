/**
 * 64-bit hashes on two 32-bit halves: numbers hold 53 bits, and a BigInt for each step would cost more than the hash. The last
 * result of a step stands in `rh` and `rl`.
 */

/** A 64-bit value as unsigned halves. */
export class Hash64 {
  hi = 0
  lo = 0

  set(hi: number, lo: number): this {
    this.hi = hi >>> 0
    this.lo = lo >>> 0
    return this
  }

  /** `((this << 1) | (this >> 63)) ^ other`, by which Envoy joins hashes: equal ones do not cancel each other. */
  combine(other: Hash64): this {
    const { hi, lo } = this
    return this.set(((hi << 1) | (lo >>> 31)) ^ other.hi, ((lo << 1) | (hi >>> 31)) ^ other.lo)
  }

  /** The remainder by a divisor below 2^26, so that no product leaves the exact integers. */
  modulo(divisor: number): number {
    return ((this.hi % divisor) * (TWO_32 % divisor) + (this.lo % divisor)) % divisor
  }

  toString(): string {
    return this.hi.toString(16).padStart(8, '0') + this.lo.toString(16).padStart(8, '0')
  }
}

const TWO_32 = 0x1_0000_0000

let rh = 0
let rl = 0

function multiply(ah: number, al: number, bh: number, bl: number): void {
  const a0 = al & 0xffff
  const a1 = al >>> 16
  const b0 = bl & 0xffff
  const b1 = bl >>> 16
  const p00 = a0 * b0
  const p01 = a0 * b1
  const p10 = a1 * b0
  const middle = (p00 >>> 16) + (p01 & 0xffff) + (p10 & 0xffff)
  const carry = a1 * b1 + (p01 >>> 16) + (p10 >>> 16) + (middle >>> 16)
  rl = ((middle << 16) | (p00 & 0xffff)) >>> 0
  rh = (carry + Math.imul(ah, bl) + Math.imul(al, bh)) >>> 0
}

function add(ah: number, al: number, bh: number, bl: number): void {
  const low = al + bl
  rl = low >>> 0
  rh = (ah + bh + (low >= TWO_32 ? 1 : 0)) >>> 0
}

/** By 1 to 31 bits. */
function rotate(hi: number, lo: number, bits: number): void {
  rh = ((hi << bits) | (lo >>> (32 - bits))) >>> 0
  rl = ((lo << bits) | (hi >>> (32 - bits))) >>> 0
}

// xxHash 64 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md, XXH64)

const P1H = 0x9e3779b1
const P1L = 0x85ebca87
const P2H = 0xc2b2ae3d
const P2L = 0x27d4eb4f
const P3H = 0x165667b1
const P3L = 0x9e3779f9
const P4H = 0x85ebca77
const P4L = 0xc2b2ae63
const P5H = 0x27d4eb2f
const P5L = 0x165667c5

/** round(acc, input) */
function round(accH: number, accL: number, inH: number, inL: number): void {
  multiply(inH, inL, P2H, P2L)
  add(accH, accL, rh, rl)
  rotate(rh, rl, 31)
  multiply(rh, rl, P1H, P1L)
}

function mergeRound(accH: number, accL: number, inH: number, inL: number): void {
  round(0, 0, inH, inL)
  multiply((accH ^ rh) >>> 0, (accL ^ rl) >>> 0, P1H, P1L)
  add(rh, rl, P4H, P4L)
}

/** Four bytes, little endian, of a string of bytes. */
function word(text: string, at: number): number {
  return (
    (text.charCodeAt(at) |
      (text.charCodeAt(at + 1) << 8) |
      (text.charCodeAt(at + 2) << 16) |
      (text.charCodeAt(at + 3) << 24)) >>>
    0
  )
}

/** xxHash64 of a string of bytes (latin1, as headers are) into `out`, which may also be the seed. */
export function xxHash64(text: string, out: Hash64, seedH = 0, seedL = 0): Hash64 {
  const { length } = text
  let at = 0
  let h = 0
  let l = 0
  if (length >= 32) {
    at = stripes(text, seedH, seedL)
    h = rh
    l = rl
  } else {
    add(seedH, seedL, P5H, P5L)
    h = rh
    l = rl
  }
  add(h, l, 0, length)
  h = rh
  l = rl
  for (; at + 8 <= length; at += 8) {
    round(0, 0, word(text, at + 4), word(text, at))
    rotate((h ^ rh) >>> 0, (l ^ rl) >>> 0, 27)
    multiply(rh, rl, P1H, P1L)
    add(rh, rl, P4H, P4L)
    h = rh
    l = rl
  }
  if (at + 4 <= length) {
    multiply(0, word(text, at), P1H, P1L)
    rotate((h ^ rh) >>> 0, (l ^ rl) >>> 0, 23)
    multiply(rh, rl, P2H, P2L)
    add(rh, rl, P3H, P3L)
    h = rh
    l = rl
    at += 4
  }
  for (; at < length; at++) {
    multiply(0, text.charCodeAt(at), P5H, P5L)
    rotate((h ^ rh) >>> 0, (l ^ rl) >>> 0, 11)
    multiply(rh, rl, P1H, P1L)
    h = rh
    l = rl
  }
  return avalanche(h, l, out)
}

function avalanche(h: number, l: number, out: Hash64): Hash64 {
  // hash ^= hash >> 33
  multiply(h, (l ^ (h >>> 1)) >>> 0, P2H, P2L)
  // hash ^= hash >> 29
  multiply((rh ^ (rh >>> 29)) >>> 0, (rl ^ ((rh << 3) | (rl >>> 29))) >>> 0, P3H, P3L)
  return out.set(rh, rl ^ rh)
}

/** The accumulators of whole stripes of 32 bytes; returns where they end. */
const ACC = new Uint32Array(8)

function stripes(text: string, seedH: number, seedL: number): number {
  add(seedH, seedL, P1H, P1L)
  add(rh, rl, P2H, P2L)
  ACC[0] = rh
  ACC[1] = rl
  add(seedH, seedL, P2H, P2L)
  ACC[2] = rh
  ACC[3] = rl
  ACC[4] = seedH
  ACC[5] = seedL
  // seed - PRIME64_1
  add(seedH, seedL, ~P1H >>> 0, ~P1L >>> 0)
  add(rh, rl, 0, 1)
  ACC[6] = rh
  ACC[7] = rl
  let at = 0
  for (; at + 32 <= text.length; at += 32) {
    for (let lane = 0; lane < 4; lane++) {
      const from = at + lane * 8
      round(ACC[2 * lane], ACC[2 * lane + 1], word(text, from + 4), word(text, from))
      ACC[2 * lane] = rh
      ACC[2 * lane + 1] = rl
    }
  }
  let h = 0
  let l = 0
  const bits = [1, 7, 12, 18]
  for (let lane = 0; lane < 4; lane++) {
    rotate(ACC[2 * lane], ACC[2 * lane + 1], bits[lane])
    add(h, l, rh, rl)
    h = rh
    l = rl
  }
  for (let lane = 0; lane < 4; lane++) {
    mergeRound(h, l, ACC[2 * lane], ACC[2 * lane + 1])
    h = rh
    l = rl
  }
  rh = h
  rl = l
  return at
}

// MurmurHash2 for 64 bit (MurmurHash64A) with the seed of libstdc++'s std::hash, as Envoy has it for older rings

const MURMUR_H = 0xc6a4a793
const MURMUR_L = 0x5bd1e995
const MURMUR_SEED = 0xc70f6907

/** value ^ (value >> 47) */
function shiftMix(hi: number, lo: number): void {
  rl = (lo ^ (hi >>> 15)) >>> 0
  rh = hi
}

/** MurmurHash2 of a string of bytes into `out`. */
export function murmurHash2(text: string, out: Hash64): Hash64 {
  const { length } = text
  multiply(0, length, MURMUR_H, MURMUR_L)
  let h = rh
  let l = (rl ^ MURMUR_SEED) >>> 0
  let at = 0
  for (; at + 8 <= length; at += 8) {
    multiply(word(text, at + 4), word(text, at), MURMUR_H, MURMUR_L)
    shiftMix(rh, rl)
    multiply(rh, rl, MURMUR_H, MURMUR_L)
    multiply((h ^ rh) >>> 0, (l ^ rl) >>> 0, MURMUR_H, MURMUR_L)
    h = rh
    l = rl
  }
  if (at < length) {
    const rest = text.slice(at).padEnd(8, '\0')
    multiply((h ^ word(rest, 4)) >>> 0, (l ^ word(rest, 0)) >>> 0, MURMUR_H, MURMUR_L)
    h = rh
    l = rl
  }
  shiftMix(h, l)
  multiply(rh, rl, MURMUR_H, MURMUR_L)
  shiftMix(rh, rl)
  return out.set(rh, rl)
}
