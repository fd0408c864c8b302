import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { eventually } from '../testing.ts'
import { ListeningSockets, sharesPorts } from './listening-sockets.ts'

const COUNT = 64

describe('sockets of a listener', () => {
  const clients: Socket[] = []
  const accepted: Socket[] = []
  let onAccept = () => {}
  const open = async (ip: string) => {
    const sockets = new ListeningSockets(
      { ip, port: 0, ipv6Only: false, backlog: 128 },
      () => true,
      (socket) => {
        accepted.push(socket)
        onAccept()
      },
    )
    return { sockets, port: await sockets.open() }
  }
  /** Accepted in the turns that it takes to accept all. */
  const burst = async (port: number): Promise<number[]> => {
    const before = accepted.length
    const all = Array.from({ length: COUNT }, () => connect(port, '127.0.0.1'))
    clients.push(...all)
    // The kernel has them all by then, and this thread has looked at none.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
    const perTurn: number[] = []
    let last = before
    while (accepted.length < before + COUNT) {
      await turn()
      if (accepted.length > last) perTurn.push(accepted.length - last)
      last = accepted.length
    }
    return perTurn
  }
  after(() => {
    for (const socket of [...clients, ...accepted]) socket.destroy()
  })

  test('connections that come together are accepted in few turns of the event loop', {
    skip: !sharesPorts,
  }, async () => {
    const { sockets, port } = await open('127.0.0.1')
    try {
      const cold = await burst(port)
      assert.ok(cold.length > 1, String(cold))
      await sleep(10)
      const warm = await burst(port)
      // Eight would do if the kernel dealt evenly; one more for each that comes between.
      assert.ok(warm.length < COUNT / 2, String(warm))
      assert.ok(Math.max(...warm) > 4, String(warm))
    } finally {
      sockets.close()
    }
  })

  test('none is left after the end, not even one that was being opened', async () => {
    const { sockets, port } = await open('127.0.0.1')
    const closed = new Promise<void>((resolve) => {
      const end = accepted.length + 8
      onAccept = () => {
        // With the eighth another socket is opened.
        if (accepted.length < end) return
        onAccept = () => {}
        sockets.close()
        resolve()
      }
    })
    for (let i = 0; i < 8; i++) clients.push(connect(port, '127.0.0.1'))
    await closed
    await sleep(20)
    const [error] = await once(connect(port, '127.0.0.1'), 'error')
    assert.equal(error.code, 'ECONNREFUSED')
  })

  test('a path has one', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-sockets-'))
    const { sockets, port } = await open(join(dir, 'a'))
    try {
      assert.equal(port, 0)
      const before = accepted.length
      const all = Array.from({ length: 20 }, () => connect(join(dir, 'a')))
      clients.push(...all)
      await eventually(() => accepted.length === before + 20)
    } finally {
      sockets.close()
      rmSync(dir, { recursive: true })
    }
  })
})
