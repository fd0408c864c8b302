import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, test } from 'node:test'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import { FilterSlot } from '../filter-chain/slot.ts'
import type { NetworkSlot } from './compile-filters.ts'
import type { ConnectionInfo } from './connection-info.ts'
import { FilterStatus, type NetworkFilter, type NetworkFilterCallbacks } from './filter.ts'
import { NetworkConnection } from './network-connection.ts'

class FakeSocket extends EventEmitter {
  paused = false
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }
}

function slot(createFilter: (given: NetworkFilterCallbacks) => NetworkFilter): NetworkSlot {
  const made: NetworkSlot = new FilterSlot('')
  made.replace({ createFilter })
  return made
}

/** A connection whose first filter stops and waits, by the way it stops, and whose second takes everything. */
function connection(stopsAt: 'onNewConnection' | 'onData') {
  const socket = new FakeSocket()
  let callbacks!: NetworkFilterCallbacks
  let taken = 0
  let waiting = true
  const first = slot((given) => {
    callbacks = given
    return { [stopsAt]: () => (waiting ? FilterStatus.StopIteration : FilterStatus.Continue) }
  })
  const last = slot(() => ({
    onData(data: BodyBuffer) {
      taken += data.length
      data.clear()
      return FilterStatus.StopIteration
    },
  }))
  const slots = [first, last]
  const made = new NetworkConnection(socket as unknown as Socket, {} as ConnectionInfo, slots, 50, () => {})
  made.start()
  return {
    socket,
    callbacks,
    taken: () => taken,
    go: () => {
      waiting = false
      callbacks.continueReading()
    },
  }
}

describe('reading', () => {
  for (const stopsAt of ['onNewConnection', 'onData'] as const) {
    test(`goes on when what was too much for a filter that stopped in ${stopsAt} has been taken`, () => {
      const { socket, go, taken } = connection(stopsAt)
      socket.emit('data', Buffer.alloc(40))
      assert.equal(socket.paused, false)
      socket.emit('data', Buffer.alloc(40))
      assert.equal(socket.paused, true)
      go()
      assert.deepEqual([taken(), socket.paused], [80, false])
    })
  }

  test('waits for each that has paused it', () => {
    const { socket, callbacks, go } = connection('onData')
    socket.emit('data', Buffer.alloc(80))
    callbacks.pauseReading()
    go()
    assert.equal(socket.paused, true)
    callbacks.resumeReading()
    assert.equal(socket.paused, false)
  })

  test('what comes byte by byte for a filter that waits is gathered', () => {
    const socket = new FakeSocket()
    let data: BodyBuffer | undefined
    const waits: NetworkFilter = {
      onData(all) {
        data = all
        return FilterStatus.StopIteration
      },
    }
    new NetworkConnection(
      socket as unknown as Socket,
      {} as ConnectionInfo,
      [slot(() => waits)],
      50_000,
      () => {},
    ).start()
    for (let i = 0; i < 10_000; i++) socket.emit('data', Buffer.allocUnsafeSlow(1024).subarray(0, 1))
    assert.equal(data?.length, 10_000)
    let held = 0
    for (const memory of new Set(data?.chunks.map(({ buffer }) => buffer))) held += memory.byteLength
    assert.ok(held < 20_000, `${held} bytes are held`)
  })

  test('a codec behind the filters does not end a pause of theirs', async () => {
    const socket = new FakeSocket()
    let callbacks!: NetworkFilterCallbacks
    const make = (given: NetworkFilterCallbacks) => {
      callbacks = given
      return {}
    }
    const made = new NetworkConnection(socket as unknown as Socket, {} as ConnectionInfo, [slot(make)], 50, () => {})
    const tail = made.asSocket()
    tail.on('data', () => {})
    made.start()
    callbacks.pauseReading()
    socket.emit('data', Buffer.alloc(10))
    await new Promise(setImmediate)
    assert.equal(socket.paused, true)
    callbacks.resumeReading()
    assert.equal(socket.paused, false)
  })
})

describe('the socket that a codec has behind the filters', () => {
  const LARGE = Buffer.alloc(16 * 1024 * 1024, 'x')

  /** Of a client that does not read yet. */
  async function accepted() {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
    const [socket] = (await once(server, 'connection')) as [Socket]
    server.close()
    const connection = new NetworkConnection(socket, {} as ConnectionInfo, [], 50, () => {})
    const tail = connection.asSocket()
    tail.on('data', () => {})
    connection.start()
    return { socket, client, tail }
  }

  test('ends the connection at once where it is destroyed, though the client does not read', async () => {
    const { socket, client, tail } = await accepted()
    tail.write(LARGE)
    tail.destroy()
    await once(tail, 'close')
    assert.equal(socket.destroyed, true)
    client.destroy()
  })

  test('has ended when all is written', async () => {
    const { socket, client, tail } = await accepted()
    tail.write(LARGE)
    tail.end(() => tail.destroy())
    await new Promise(setImmediate)
    assert.equal(socket.destroyed, false)
    let received = 0
    client.on('data', ({ length }) => {
      received += length
    })
    client.resume()
    await once(client, 'close')
    assert.equal(received, LARGE.length)
  })
})
