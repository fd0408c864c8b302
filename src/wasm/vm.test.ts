import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { beginReading, endReading, nowMs } from '../base/read-clock.ts'
import { createTestHost } from './testing/test-host.ts'
import { guest } from './testing/wat-guest.ts'

const LOOP = `(local $n i32) (local.set $n (i32.const 200000))
  (loop $l (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $l (local.get $n)))`
const CALLS = `(local $n i32) (local.set $n (i32.const 20))
  (loop $l (drop (call $proxy_get_current_time_nanoseconds $slot0))
    (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br_if $l (local.get $n)))`

/** Whether the clock of the running read is looked at anew after a callback with this code. */
function looksAnew(code: string, fuel: boolean): boolean {
  const host = createTestHost({ limits: { fuel } })
  const plugin = host.start(
    guest(`(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${code} (i32.const 0))`),
  )
  const stream = host.stream(plugin)
  beginReading()
  try {
    const before = nowMs()
    while (performance.now() < before + 1);
    stream.request([])
    return nowMs() !== before
  } finally {
    endReading()
  }
}

describe('the time after a callback', () => {
  for (const { what, code, fuel, anew } of [
    { what: 'one that does little', code: '', fuel: true, anew: false },
    { what: 'one that computes', code: LOOP, fuel: true, anew: true },
    { what: 'one with many host calls', code: CALLS, fuel: true, anew: true },
    { what: 'one that traps', code: 'unreachable', fuel: true, anew: true },
    { what: 'one whose fuel is not counted', code: '', fuel: false, anew: true },
  ]) {
    it(`${anew ? 'is' : 'need not be'} looked up again: ${what}`, () => assert.equal(looksAnew(code, fuel), anew))
  }
})
