import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { ReadSlab } from '../../base/read-slab.ts'
import { directSocket, readInto } from './direct-socket.ts'

test('a few bytes that are read into a slab are only there during the call, and the slab is free again', async () => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = directSocket()
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
  const connected = once(server, 'connection')
  socket.connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [peer] = (await connected) as [Socket]
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
    socket.destroy()
    peer.destroy()
    server.close()
  }
})
