import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Entry, IdTable } from './id-table.ts'

const entry = (id: number): Entry => ({ id, nextInTable: undefined })
const ids = (table: IdTable<Entry>) =>
  table
    .all()
    .map(({ id }) => id)
    .sort((a, b) => a - b)

test('an entry is found by its id while it is there, however many come and go', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(300)), { maxLength: 600 }), (steps) => {
      const table = new IdTable<Entry>()
      const model = new Map<number, Entry>()
      for (const [add, id] of steps) {
        if (!add) assert.equal(table.delete(id), model.delete(id))
        else if (!model.has(id)) {
          const added = entry(id)
          table.add(added)
          model.set(id, added)
        }
        assert.equal(table.get(id), model.get(id))
      }
      assert.equal(table.size, model.size)
      assert.deepEqual(
        ids(table),
        [...model.keys()].sort((a, b) => a - b),
      )
    }),
  )
})

test('what is gone points to nothing that lives', () => {
  const table = new IdTable<Entry>()
  const all = Array.from({ length: 500 }, (_, id) => entry(id))
  for (const each of all) table.add(each)
  for (const each of all) table.delete(each.id)
  assert.ok(all.every(({ nextInTable }) => nextInTable === undefined))
  assert.equal(table.size, 0)
})

test('clear forgets all', () => {
  const table = new IdTable<Entry>()
  for (let id = 0; id < 200; id++) table.add(entry(id))
  table.clear()
  assert.deepEqual(ids(table), [])
  assert.equal(table.get(7), undefined)
})
