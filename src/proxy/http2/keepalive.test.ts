import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FrameType } from './frame.ts'
import { Keepalive, type KeptAlive } from './keepalive.ts'

/** Resolves with the number of PINGs when the connection is given up, or when there were `enough`. */
function pings(intervalMs: number, timeoutMs: number, enough: number, answers: boolean): Promise<[string, number]> {
  return new Promise((resolve) => {
    let sent = 0
    const done = (how: string) => {
      keepalive.stop()
      resolve([how, sent])
    }
    const connection = {
      output: {
        control(type: number) {
          assert.equal(type, FrameType.Ping)
          if (++sent === enough) done('alive')
          else if (answers) setImmediate(() => keepalive.heard())
        },
      },
      destroy: () => done('given up'),
    }
    const keepalive = new Keepalive(connection as unknown as KeptAlive, intervalMs, timeoutMs)
    // The timeouts themselves keep no process alive.
    const alive = setInterval(() => sent === enough && clearInterval(alive), 50)
    const stop = keepalive.stop.bind(keepalive)
    keepalive.stop = () => {
      clearInterval(alive)
      stop()
    }
  })
}

describe('connection_keepalive', () => {
  for (const [interval, timeout] of [
    [20, 5],
    [5, 20],
  ]) {
    test(`a PING every ${interval} ms that nothing answers within ${timeout} ms ends the connection`, async () => {
      // As Envoy: the next interval begins with the answer, or a long timeout would never pass.
      assert.deepEqual(await pings(interval, timeout, 50, false), ['given up', 1])
    })

    test(`a PING every ${interval} ms that is answered does not, with a timeout of ${timeout} ms`, async () => {
      assert.deepEqual(await pings(interval, timeout * 1000, 4, true), ['alive', 4])
    })
  }
})
