import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import { DelayedClose, slowReaderMs } from './delayed-close.ts'

const MINUTE = 60_000

for (const [what, idleMs, gone] of [
  ['goes with stream_idle_timeout', 2 * MINUTE, 2],
  ['goes with its default where there is none', 0, 5],
] as const) {
  test(`a client that reads nothing of an answer that is complete ${what}`, (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    let now = performance.now()
    context.mock.method(performance, 'now', () => now)
    let destroyed = false
    const socket = { writableFinished: false, destroy: () => (destroyed = true) } as unknown as Socket
    new DelayedClose(socket, 1000, slowReaderMs(idleMs))
    const pass = (ms: number) => {
      for (let i = 0; i < ms; i += 1000) {
        now += 1000
        context.mock.timers.tick(1000)
      }
    }
    pass(gone * MINUTE - 2000)
    assert.equal(destroyed, false)
    pass(4000)
    assert.equal(destroyed, true)
  })
}
