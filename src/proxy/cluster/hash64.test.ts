import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Hash64, murmurHash2, xxHash64 } from './hash64.ts'

const MASK = (1n << 64n) - 1n
const P1 = 0x9e3779b185ebca87n
const P2 = 0xc2b2ae3d27d4eb4fn
const P3 = 0x165667b19e3779f9n
const P4 = 0x85ebca77c2b2ae63n
const P5 = 0x27d4eb2f165667c5n
const rotate = (v: bigint, n: bigint) => ((v << n) | (v >> (64n - n))) & MASK
const round = (acc: bigint, input: bigint) => (rotate((acc + input * P2) & MASK, 31n) * P1) & MASK

/** xxhash_spec.md word for word, with BigInt. */
function reference(bytes: Buffer, seed: bigint): bigint {
  let at = 0
  let hash = (seed + P5) & MASK
  if (bytes.length >= 32) {
    const acc = [seed + P1 + P2, seed + P2, seed, seed - P1].map((v) => v & MASK)
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) acc[i] = round(acc[i], bytes.readBigUInt64LE(at + 8 * i))
    }
    hash = (rotate(acc[0], 1n) + rotate(acc[1], 7n) + rotate(acc[2], 12n) + rotate(acc[3], 18n)) & MASK
    for (const one of acc) hash = ((hash ^ round(0n, one)) * P1 + P4) & MASK
  }
  hash = (hash + BigInt(bytes.length)) & MASK
  for (; at + 8 <= bytes.length; at += 8)
    hash = (rotate(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * P1 + P4) & MASK
  if (at + 4 <= bytes.length) {
    hash = (rotate(hash ^ ((BigInt(bytes.readUInt32LE(at)) * P1) & MASK), 23n) * P2 + P3) & MASK
    at += 4
  }
  for (; at < bytes.length; at++) hash = (rotate(hash ^ ((BigInt(bytes[at]) * P5) & MASK), 11n) * P1) & MASK
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK
  return hash ^ (hash >> 32n)
}

const hex = (value: bigint) => value.toString(16).padStart(16, '0')

describe('64-bit hashes', () => {
  test('xxHash64: known values', () => {
    assert.equal(String(xxHash64('', new Hash64())), 'ef46db3751d8e999')
    assert.equal(String(xxHash64('a', new Hash64())), 'd24ec4f1a98c6e5b')
    assert.equal(String(xxHash64('abc', new Hash64())), '44bc2cf5ad770999')
  })

  test('xxHash64 is its specification', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.bigInt({ min: 0n, max: MASK }), (bytes, seed) => {
        const text = Buffer.from(bytes).toString('latin1')
        const ours = xxHash64(text, new Hash64(), Number(seed >> 32n), Number(seed & 0xffffffffn))
        assert.equal(String(ours), hex(reference(Buffer.from(bytes), seed)))
      }),
      { numRuns: 500 },
    )
  })

  // What std::hash<std::string> of libstdc++ says, which Envoy's murmurHash2 follows.
  for (const [text, value] of [
    ['', 6142509188972423790n],
    ['foo', 9631199822919835226n],
    ['foo\nbar', 16306510975912980159n],
    ['hello, world', 4795077891475041234n],
    ['127.0.0.1:10000_17', 15816161231495023041n],
    ['sixteen byte key', 6486699668572722446n],
  ] as const) {
    test(`MurmurHash2 of ${JSON.stringify(text)}`, () => {
      assert.equal(String(murmurHash2(text, new Hash64())), hex(value))
    })
  }

  test('remainder and combination', () => {
    const word = fc.bigInt({ min: 0n, max: MASK })
    const of = (v: bigint) => new Hash64().set(Number(v >> 32n), Number(v & 0xffffffffn))
    fc.assert(
      fc.property(word, word, fc.integer({ min: 1, max: 5_000_011 }), (a, b, divisor) => {
        assert.equal(of(a).modulo(divisor), Number(a % BigInt(divisor)))
        assert.equal(String(of(a).combine(of(b))), hex(rotate(a, 1n) ^ b))
      }),
    )
  })
})
