import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { afterEach, test } from 'node:test'
import { beginReading, endReading, nowMs, timeHasPassed } from './read-clock.ts'

afterEach(endReading)

/** Until the clock shows another time. */
function wait(): void {
  const from = performance.now()
  while (performance.now() === from);
}

test('the clock stands still while a read is handled', () => {
  beginReading()
  const first = nowMs()
  wait()
  assert.equal(nowMs(), first)
})

test('but not while an extension runs', () => {
  beginReading()
  const first = nowMs()
  wait()
  timeHasPassed()
  assert.ok(nowMs() > first)
})

test('nor behind the read, nor from one read to the next', () => {
  beginReading()
  const first = nowMs()
  endReading()
  wait()
  const second = nowMs()
  assert.ok(second > first)
  wait()
  beginReading()
  assert.ok(nowMs() > second)
})
