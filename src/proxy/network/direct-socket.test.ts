import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ReadSlab } from '../../base/read-slab.ts'
import { DirectSocket, directSocket, type ReadSink, readInto } from './direct-socket.ts'

setFlagsFromString('--expose-gc')
const gc: () => void = runInNewContext('gc')

const NOBODY: ReadSink = { wantsOwnBuffer: false, onRead() {} }

/** A direct socket that is connected, and its peer. */
async function connected(): Promise<{ socket: DirectSocket; peer: Socket; close(): void }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const socket = directSocket().connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [[peer]] = (await Promise.all([accepted, once(socket, 'connect')])) as [[Socket], unknown]
  assert.ok(socket instanceof DirectSocket)
  const close = () => {
    socket.destroy()
    peer.destroy()
    server.close()
  }
  return { socket, peer, close }
}

test('a few bytes that are read into a slab are only there during the call, and the slab is free again', async () => {
  const { socket, peer, close } = await connected()
  const reads: { size: number; slab: ReadSlab | undefined; owned: boolean }[] = []
  let heard = () => {}
  readInto(socket, {
    wantsOwnBuffer: true,
    currentRead: { recycles: true, small: false },
    onRead(chunk, owned) {
      reads.push({ size: chunk.length, slab: ReadSlab.of(chunk), owned })
      heard()
    },
  })
  try {
    let left = 200_000
    peer.write(Buffer.alloc(left))
    while (left > 0) {
      await new Promise<void>((resolve) => {
        heard = resolve
        if (reads.reduce((sum, { size }) => sum + size, 0) >= 200_000) resolve()
      })
      left = 200_000 - reads.reduce((sum, { size }) => sum + size, 0)
    }
    while (reads.at(-1)?.slab === undefined) {
      // A large read is followed by one into a slab.
      const more = new Promise<void>((resolve) => {
        heard = resolve
      })
      peer.write(Buffer.alloc(reads.at(-1)?.size === 40_000 ? 10 : 40_000))
      await more
    }
    const read = reads.at(-1)
    assert.ok(read !== undefined && read.size < 40_000)
    assert.equal(read.owned, false)
    assert.ok(ReadSlab.take() === read.slab)
  } finally {
    close()
  }
})

/** More than a connection's buffers take. */
const MUCH = 16 * 1024 * 1024

test('what the kernel did not take at once is held until it is written', async () => {
  const { socket, peer, close } = await connected()
  try {
    readInto(socket, NOBODY)
    const held = (() => {
      const bytes = Buffer.alloc(MUCH, 'x')
      assert.equal(socket.send(bytes), false)
      return new WeakRef(bytes)
    })()
    for (let i = 0; i < 3; i++) {
      await new Promise(setImmediate)
      gc()
    }
    assert.notEqual(held.deref(), undefined)
    let received = 0
    peer.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    await once(socket, 'drain')
    socket.end()
    await once(peer, 'end')
    assert.equal(received, MUCH)
  } finally {
    close()
  }
})

test('what is sent, written and ended while a write is under way arrives in this order', async () => {
  const { socket, peer, close } = await connected()
  try {
    readInto(socket, NOBODY)
    const sent = ['a'.repeat(MUCH), 'b'.repeat(10), 'c'.repeat(MUCH), 'd'.repeat(10), 'e']
    assert.equal(socket.send(sent[0]), false)
    assert.equal(socket.send(sent[1]), false)
    socket.write(sent[2])
    socket.send(Buffer.from(sent[3]))
    socket.end(sent[4])
    const chunks: Buffer[] = []
    peer.on('data', (chunk: Buffer) => chunks.push(chunk))
    await once(peer, 'end')
    assert.ok(Buffer.concat(chunks).equals(Buffer.from(sent.join(''))))
  } finally {
    close()
  }
})

test('one that is destroyed while a write is under way closes, and says nothing more', async () => {
  const { socket, peer, close } = await connected()
  try {
    readInto(socket, NOBODY)
    assert.equal(socket.send(Buffer.alloc(MUCH)), false)
    socket.on('drain', () => assert.fail('nothing was written'))
    socket.destroy()
    await once(socket, 'close')
    peer.resume()
    await once(peer, 'close')
  } finally {
    close()
  }
})

test('a write that fails, at once or later, ends the socket with its reason', async () => {
  const { socket, peer, close } = await connected()
  try {
    readInto(socket, NOBODY)
    peer.pause()
    assert.equal(socket.send(Buffer.alloc(MUCH)), false)
    peer.resetAndDestroy()
    const [error] = (await once(socket, 'error')) as [Error]
    assert.match(error.message, /^(write|read) E(CONNRESET|PIPE)$/)
    assert.equal(socket.destroyed, true)
    assert.equal(socket.send('x'), true, 'it never drains')
  } finally {
    close()
  }
})

test('where Node does not let it read directly a socket is read by its events', async () => {
  const { socket, peer, close } = await connected()
  try {
    const { _handle } = socket as unknown as { _handle: { useUserBuffer: unknown } }
    _handle.useUserBuffer = undefined
    const read = new Promise((resolve) => readInto(socket, { ...NOBODY, onRead: (chunk) => resolve(chunk.toString()) }))
    peer.write('hello')
    assert.equal(await read, 'hello')
    assert.equal(socket.send('hi'), true)
    assert.deepEqual((await once(peer, 'data')).map(String), ['hi'])
  } finally {
    close()
  }
})
