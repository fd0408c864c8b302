import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InternTable } from './intern.ts'

test('bytes are told apart at every place, with a view and without', () => {
  // Two letters and short texts, so that many share a slot and differ in one byte.
  const text = fc.string({ unit: fc.constantFrom('a', '\xe1'), minLength: 0, maxLength: 66 })
  const start = fc.integer({ min: 0, max: 7 })
  fc.assert(
    fc.property(fc.array(fc.tuple(text, start, fc.boolean()), { minLength: 2, maxLength: 40 }), (lookUps) => {
      const table = new InternTable((found) => ({ found }))
      for (const [wanted, at, viewed] of lookUps) {
        const memory = Buffer.from(`${'x'.repeat(at)}${wanted}y`, 'latin1')
        const view = new DataView(memory.buffer, memory.byteOffset, memory.length)
        assert.equal(table.get(memory, at, wanted.length, viewed ? view : undefined).found, wanted)
      }
    }),
  )
})

test('one changed byte is another text, wherever it stands', () => {
  for (let length = 1; length <= 80; length++) {
    const memory = Buffer.alloc(length, 'a')
    const view = new DataView(memory.buffer, memory.byteOffset, length)
    const table = new InternTable((text) => ({ text }), 80)
    table.get(memory, 0, length, view)
    const first = table.get(memory, 0, length, view)
    assert.equal(table.get(memory, 0, length, view), first)
    assert.equal(table.get(memory, 0, length), first)
    for (let at = 0; at < length; at++) {
      memory[at] = 0x62
      assert.equal(table.get(memory, 0, length, view).text, memory.latin1Slice(), `${length} bytes, changed at ${at}`)
      assert.equal(
        table.get(memory, 0, length).text,
        memory.latin1Slice(),
        `${length} bytes by bytes, changed at ${at}`,
      )
      memory[at] = 0x61
    }
  }
})

test('bytes beyond 2 GiB are looked at where they stand: a memory may have 4', () => {
  const start = 3 * 2 ** 30
  const table = new InternTable((text) => ({ text }))
  /** As if the text stood there. */
  const of = (text: string) => {
    const bytes = Buffer.from(text)
    const view = { getInt32: (at: number) => bytes.readInt32LE(at - start) } as unknown as DataView
    const memory = { latin1Slice: () => text } as unknown as Buffer
    return table.get(memory, start, text.length, view).text
  }
  for (const text of ['x-name-a-end', 'x-name-b-end', 'x-name-a-end', 'x-name-a-end']) assert.equal(of(text), text)
})

test('what comes once drives nothing out that comes again', () => {
  const table = new InternTable((text) => ({ text }))
  const of = (text: string) => table.get(Buffer.from(text, 'latin1'), 0, text.length)
  const names = Array.from({ length: 50 }, (_, i) => `a-name-${i}`)
  for (const name of names) of(name)
  const kept = names.map(of)
  for (let i = 0; i < 10_000; i++) of(`unique-${(i * 7919) % 10_007}`)
  const left = names.filter((name, i) => of(name) === kept[i]).length
  assert.ok(left > 40, `${left} of ${names.length} are left`)
})

test('texts that share a slot are remembered, but for three that share two', () => {
  let made = 0
  const table = new InternTable((text) => {
    made++
    return text
  })
  // Of these, nine are in pairs that share one of 1024 slots, and three share two slots that belong together.
  const names = Array.from({ length: 100 }, (_, i) => Buffer.from(`x-name-${i * 7919}`, 'latin1'))
  const round = () => {
    for (const name of names) table.get(name, 0, name.length)
  }
  for (let i = 0; i < 4; i++) round()
  made = 0
  round()
  assert.equal(made, 3)
})
