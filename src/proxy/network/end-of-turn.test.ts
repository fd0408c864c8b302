import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginRead, countRead, endRead, endTurn, flushAtEndOfTurn } from './end-of-turn.ts'

function outputs(count: number, flushed: number[]): void {
  for (let i = 0; i < count; i++) flushAtEndOfTurn({ flush: () => void flushed.push(i) })
}

test('what a few have to write waits for the end of the turn', async () => {
  const flushed: number[] = []
  outputs(3, flushed)
  endRead()
  await new Promise(process.nextTick)
  assert.deepEqual(flushed, [])
  await new Promise(setImmediate)
  assert.deepEqual(flushed, [0, 1, 2])
})

test('in a long turn the first do not wait for the last', async () => {
  const flushed: number[] = []
  outputs(1, flushed)
  for (let read = 1; read < 32; read++) endRead()
  assert.equal(flushed.length, 0)
  endRead()
  assert.equal(flushed.length, 1)
  outputs(1, flushed)
  endRead()
  assert.equal(flushed.length, 1, 'they are counted anew')
  await new Promise(setImmediate)
  assert.equal(flushed.length, 2)
})

test('reads of TCP count as well, but for those within a read of HTTP', async () => {
  const flushed: number[] = []
  outputs(1, flushed)
  beginRead()
  for (let read = 0; read < 100; read++) countRead()
  assert.equal(flushed.length, 0)
  endRead()
  for (let read = 1; read < 31; read++) countRead()
  assert.equal(flushed.length, 0)
  countRead()
  assert.equal(flushed.length, 1)
  await new Promise(setImmediate)
})

test('what a flush leads to waits for the next turn', async () => {
  const flushed: string[] = []
  const again = () => flushAtEndOfTurn({ flush: () => void flushed.push('second') })
  flushAtEndOfTurn({
    flush() {
      flushed.push('first')
      again()
    },
  })
  await new Promise(setImmediate)
  assert.deepEqual(flushed, ['first'])
  await new Promise(setImmediate)
  assert.deepEqual(flushed, ['first', 'second'])
})

test('one that throws costs the others nothing', () => {
  const flushed: number[] = []
  const wrong = (text: string) => () => {
    throw new Error(text)
  }
  outputs(1, flushed)
  flushAtEndOfTurn({ flush: wrong('first') })
  outputs(1, flushed)
  flushAtEndOfTurn({ flush: wrong('second') })
  outputs(1, flushed)
  assert.throws(endTurn, /second/)
  assert.deepEqual(flushed, [0, 0, 0])
})

test('what is read while outputs are flushed, as over an internal listener, leaves none of them out', async () => {
  const flushed = new Map<number, number>()
  let next = 0
  const output = (answers: number) => {
    const id = next++
    flushAtEndOfTurn({
      flush() {
        flushed.set(id, (flushed.get(id) ?? 0) + 1)
        if (answers === 0) return
        beginRead()
        for (let i = 0; i < answers; i++) output(0)
        endRead()
      },
    })
  }
  for (let i = 0; i < 100; i++) output(10)
  while (flushed.size < next) {
    const before = flushed.size
    await new Promise(setImmediate)
    assert.ok(flushed.size > before, `${next - flushed.size} of ${next} are left`)
  }
  assert.equal(next, 1100)
  assert.deepEqual(new Set(flushed.values()), new Set([1]))
})
