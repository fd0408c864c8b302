import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DynamicBuckets, dynamicCells } from './dynamic-buckets.ts'

const SETTINGS = { max: 2, nsPerToken: 1e12 }
const make = (capacity: number) => new DynamicBuckets(SETTINGS, new BigInt64Array(dynamicCells(capacity)))

describe('DynamicBuckets', () => {
  test('each name has a bucket of its own', () => {
    const buckets = make(20)
    const taken = (name: string) => [1, 2, 3].map(() => buckets.find(name).take(1))
    assert.deepEqual(taken('a'), [true, true, false])
    assert.deepEqual(taken('b'), [true, true, false])
    assert.deepEqual(taken('a'), [false, false, false])
  })

  test('two views of the same memory are the same buckets', () => {
    const cells = new BigInt64Array(new SharedArrayBuffer(8 * dynamicCells(20)))
    const [one, other] = [new DynamicBuckets(SETTINGS, cells), new DynamicBuckets(SETTINGS, cells)]
    assert.ok(one.find('a').take(2))
    assert.equal(other.find('a').take(1), false)
    assert.equal(other.find('b').take(1), true)
  })

  for (const capacity of [1, 20, 32, 33, 1000])
    test(`${capacity} names have room`, () => {
      const buckets = make(capacity)
      for (let i = 0; i < capacity; i++) assert.ok(buckets.find(`name ${i}`).take(2))
      for (let i = 0; i < capacity; i++) assert.equal(buckets.find(`name ${i}`).take(1), false)
    })

  test('of too many the fullest makes way', () => {
    const buckets = make(2)
    assert.ok(buckets.find('empty').take(2))
    assert.ok(buckets.find('half').take(1))
    assert.ok(buckets.find('new').take(2))
    assert.equal(buckets.find('empty').take(1), false)
    assert.equal(buckets.find('new').take(1), false)
  })

  test('a slot that a thread has left busy is passed over, and without any other nobody is refused', () => {
    const cells = new BigInt64Array(dynamicCells(1))
    cells[0] = -1n
    assert.ok(new DynamicBuckets(SETTINGS, cells).find('a').take(2))
  })
})
