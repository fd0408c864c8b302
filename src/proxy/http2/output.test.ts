import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { ReadSlab } from '../../base/read-slab.ts'
import { FrameType } from './frame.ts'
import { Http2Output } from './output.ts'
import { framesOf } from './testing.ts'

describe('the memory of a body that was read', () => {
  const server = createServer()
  let socket: Socket
  let peer: Socket

  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    ;[peer] = (await once(server, 'connection')) as [Socket]
  })

  after(() => {
    socket.destroy()
    peer.destroy()
    server.close()
  })

  /** Sends 300,000 bytes as DATA frames of `size`, and returns what arrived when all has. */
  async function sent(size: number, sole: boolean): Promise<{ slab: ReadSlab; arrived: Buffer }> {
    const slab = ReadSlab.take() as ReadSlab
    slab.buffer.fill('abcdefg', 0, 300_000)
    slab.filled(300_000)
    const body = BodyBuffer.of(slab.buffer.subarray(0, 300_000))
    body.sole = sole
    const output = new Http2Output(socket, { onOutputBlocked() {} })
    while (body.length > 0) output.data(1, 0, body, Math.min(size, body.length))
    output.flush()
    const chunks: Buffer[] = []
    let length = 0
    while (length < 300_000 + 9 * Math.ceil(300_000 / size)) {
      const [chunk] = (await once(peer, 'data')) as [Buffer]
      chunks.push(chunk)
      length += chunk.length
    }
    await new Promise(setImmediate)
    return { slab, arrived: Buffer.concat(chunks) }
  }

  test('is copied into buffers that are used again, where frames are small', async () => {
    const buffers = new Set<ArrayBufferLike>()
    const sizes: number[] = []
    const { write } = socket
    socket.write = ((chunk: Buffer, written?: () => void) => {
      buffers.add(chunk.buffer)
      sizes.push(chunk.length)
      return write.call(socket, chunk, written as never)
    }) as Socket['write']
    try {
      await sent(100, true)
      const first = buffers.size
      assert.ok(sizes.every((size) => size <= 64 * 1024))
      const { arrived } = await sent(100, true)
      assert.equal(buffers.size, first)
      const payloads = Buffer.concat(framesOf(arrived).map(({ payload }) => payload))
      assert.ok(payloads.equals(Buffer.alloc(300_000, 'abcdefg')))
    } finally {
      socket.write = write
    }
  })

  for (const size of [16_384, 4096, 1000]) {
    test(`is used again when its only holder has sent it, in frames of ${size}`, async () => {
      const { slab, arrived } = await sent(size, true)
      const frames = framesOf(arrived)
      assert.ok(frames.every(({ type }) => type === FrameType.Data))
      assert.ok(Buffer.concat(frames.map(({ payload }) => payload)).equals(Buffer.alloc(300_000, 'abcdefg')))
      assert.ok(ReadSlab.take() === slab)
    })

    test(`is not where somebody else holds it, in frames of ${size}`, async () => {
      const { slab } = await sent(size, false)
      assert.ok(ReadSlab.take() !== slab)
    })
  }
})
