import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Timeout, waitingDurations } from './timeout-queue.ts'

test('durations that nobody waits for any more are forgotten', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const before = waitingDurations()
    let fired = 0
    const owner = { onTimeout: () => fired++ }
    // The queue's clock is the real one, so that these are over when their timers fire.
    for (let i = 0; i < 100; i++) new Timeout(owner, 0).arm((i + 1) / 1000)
    const cancelled = new Timeout(owner, 0)
    cancelled.arm(50)
    cancelled.cancel()
    assert.equal(waitingDurations(), before + 101)
    const until = performance.now() + 1
    while (performance.now() < until);
    mock.timers.tick(100)
    assert.equal(fired, 100)
    assert.equal(waitingDurations(), before)
  } finally {
    mock.timers.reset()
  }
})

test('requests that name a duration each leave no timers behind', () => {
  const before = waitingDurations()
  const owner = { onTimeout: () => {} }
  for (let i = 0; i < 5000; i++) {
    const timeout = new Timeout(owner, 0)
    timeout.arm(1_000_000 + i)
    timeout.cancel()
  }
  assert.ok(waitingDurations() <= before + 300, `${waitingDurations()}`)
})

test('no timer is longer than Node has them', () => {
  const set = mock.method(globalThis, 'setTimeout')
  const timeout = new Timeout({ onTimeout: () => assert.fail('too early') }, 0)
  // What a request may ask for: grpc-timeout: 99999999H
  timeout.arm(99_999_999 * 3_600_000)
  timeout.cancel()
  const [{ arguments: args }] = set.mock.calls
  set.mock.restore()
  assert.equal(args[1], 0x7fffffff)
})
