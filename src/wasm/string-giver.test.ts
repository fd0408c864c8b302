import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodePairs, pairsSize, writePairs } from './abi/pairs.ts'
import { FEW_CHARACTERS, stringGiverFor } from './string-giver.ts'
import { createTestHost } from './testing/test-host.ts'
import { guest } from './testing/wat-guest.ts'

const END = 65536
const POINTER = 8
const SIZE = 13

function giver(pointer: number) {
  const memory = new WebAssembly.Memory({ initial: 1 })
  const bytes = Buffer.from(memory.buffer).fill(0xaa)
  const view = new DataView(memory.buffer)
  const asked: number[] = []
  const malloc = (size: number) => {
    asked.push(size)
    return pointer
  }
  return { bytes, view, asked, ...stringGiverFor(memory, malloc) }
}

const latin1 = fc
  .uint8Array({ minLength: 1, maxLength: FEW_CHARACTERS })
  .map((bytes) => Buffer.from(bytes).latin1Slice())

describe('the giver of strings', () => {
  it('writes the bytes of any byte string and fills the slots, and touches nothing else', () => {
    fc.assert(
      fc.property(latin1, fc.integer({ min: 1024, max: END - FEW_CHARACTERS }), (text, at) => {
        const { bytes, view, asked, give } = giver(at)
        assert.equal(give(text, text.length, POINTER, SIZE), at)
        assert.deepEqual(asked, [text.length])
        const expected = Buffer.alloc(END, 0xaa)
        expected.writeUInt32LE(at, POINTER)
        expected.writeUInt32LE(text.length, SIZE)
        expected.write(text, at, 'latin1')
        assert.ok(bytes.equals(expected))
        assert.equal(view.getUint32(SIZE, true), text.length)
      }),
      { numRuns: 300 },
    )
  })

  it('reads strings that the engine keeps in parts or as part of another', () => {
    const { bytes, give } = giver(1024)
    const whole = 'a part of a longer string, which was cut'
    const parts = [whole.slice(2, 30), `${whole.slice(0, 14)}${whole.slice(20, 34)}`]
    for (const text of parts) {
      give(text, text.length, POINTER, SIZE)
      assert.equal(bytes.latin1Slice(1024, 1024 + text.length), text)
    }
  })

  for (const pointer of [0, END - 3, END, -1, -4]) {
    it(`writes nothing where the allocator says ${pointer}`, () => {
      const { bytes, give } = giver(pointer)
      assert.equal(give('four', 4, POINTER, SIZE), pointer)
      assert.ok(bytes.every((byte) => byte === 0xaa))
    })
  }

  it('fills a block that ends with the memory', () => {
    const { bytes, give } = giver(END - 4)
    give('four', 4, POINTER, SIZE)
    assert.equal(bytes.latin1Slice(END - 4), 'four')
  })

  it('writes pairs as the host does without it', () => {
    const text = fc.uint8Array({ maxLength: FEW_CHARACTERS + 20 }).map((bytes) => Buffer.from(bytes).latin1Slice())
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 8 }), (pairs) => {
        const flat = pairs.flat()
        const [one, other] = [giver(0), giver(0)]
        writePairs(flat, one.bytes, one.view, 1024, one)
        writePairs(flat, other.bytes, other.view, 1024)
        assert.ok(one.bytes.equals(other.bytes))
        assert.deepEqual(decodePairs(one.bytes, 1024, pairsSize(flat)), flat)
      }),
      { numRuns: 300 },
    )
  })

  it('is not to be seen in the backtrace of an allocator that traps', () => {
    const host = createTestHost()
    const plugin = host.start(
      guest(
        `(func $die (export "malloc") (param i32) (result i32) unreachable)
         (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
           (call $proxy_get_header_map_value (i32.const 0) (s "x-a") $slot0 $slot1))`,
        { noAllocator: true },
      ),
    )
    host.stream(plugin).request([['x-a', 'value']])
    const names = plugin.failure?.backtrace.map((frame) => frame.replace(/@.*/, ''))
    assert.deepEqual(names, ['die', 'proxy_on_request_headers'])
  })
})
