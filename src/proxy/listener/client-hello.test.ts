import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readClientHello } from './client-hello.ts'

/** A hello of so many bytes with a server name, and the same in records of `size`. */
function hello(length: number, size: number): Buffer {
  const name = Buffer.from('\0\0\0\x06\0\x04\0\0\x01a', 'latin1')
  const padding = length - 4 - 35 - 4 - 2 - 2 - name.length - 4
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 1),
    Buffer.from([0, 0, 2, 0x13, 1, 1, 0]),
    u16(name.length + 4 + padding),
    name,
    u16(21),
    u16(padding),
    Buffer.alloc(padding),
  ])
  const bytes = Buffer.concat([Buffer.from([1, 0]), u16(body.length), body])
  const records: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size)
    records.push(Buffer.from([22, 3, 1]), u16(part.length), part)
  }
  return Buffer.concat(records)
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255])
}

describe('a ClientHello', () => {
  for (const [length, size] of [
    [100, 100],
    [100, 1],
    [100, 3],
    [10_000, 500],
    [16_379, 16_379],
  ]) {
    test(`of ${length} bytes in records of ${size}`, () => {
      const bytes = hello(length, size)
      assert.deepEqual(readClientHello(bytes), { serverName: 'a', protocols: [] })
      assert.equal(readClientHello(bytes.subarray(0, -1)), undefined)
    })
  }

  test('is not waited for where it is cut into more records than it is worth', () => {
    const bytes = hello(10_000, 1)
    assert.equal(readClientHello(bytes.subarray(0, 16_383)), undefined)
    assert.equal(readClientHello(bytes.subarray(0, 16_384)), 'too large')
    assert.equal(readClientHello(bytes), 'too large')
  })

  test('is too large where it goes on beyond what is looked at', () =>
    assert.equal(readClientHello(hello(16_380, 16_380)), 'too large'))

  test('is none where a length in it points outside', () =>
    assert.equal(readClientHello(Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1, 0])), null))

  test('is none with an empty record', () => assert.equal(readClientHello(Buffer.from([22, 3, 1, 0, 0, 22])), null))
})
