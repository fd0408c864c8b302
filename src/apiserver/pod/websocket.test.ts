import assert from 'node:assert/strict'
import { Duplex, PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { handshake, WebSocketPeer } from './websocket.ts'

/** A client's frame (RFC 6455, 5.2): masked. */
function frame(opcode: number, data: Buffer, final = true, masked = true): Buffer {
  const length =
    data.length < 126
      ? [data.length]
      : data.length < 65536
        ? [126, data.length >> 8, data.length & 255]
        : [127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (data.length >>> shift) & 255)]
  const mask = [7, 200, 33, 91]
  length[0] |= masked ? 0x80 : 0
  const body = masked ? data.map((byte, i) => byte ^ mask[i & 3]) : data
  return Buffer.concat([Buffer.from([(final ? 0x80 : 0) | opcode, ...length, ...(masked ? mask : [])]), body])
}

function peer(head: Buffer = Buffer.alloc(0)) {
  const input = new PassThrough()
  const output = new PassThrough()
  const messages: Buffer[] = []
  const socket = Duplex.from({ readable: input, writable: output })
  const socketPeer = new WebSocketPeer(socket, head, (message) => messages.push(message))
  return { input, output, messages, socketPeer }
}

const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

describe('WebSocket', () => {
  test('the handshake of RFC 6455, 1.3', () => {
    assert.match(
      handshake('dGhlIHNhbXBsZSBub25jZQ==', 'v5.channel.k8s.io'),
      /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/,
    )
  })

  test('messages come out as they went in, however the bytes are cut', async () => {
    const message = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 50 }),
        async (sent, size) => {
          const { input, messages } = peer()
          const bytes = Buffer.concat(sent.map((data) => frame(2, data)))
          for (let at = 0; at < bytes.length; at += size) input.write(bytes.subarray(at, at + size))
          for (let i = 0; messages.length < sent.length && i < 100; i++) await settled()
          assert.deepEqual(messages, sent)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('fragments are put together, a ping between them is answered, what came with the upgrade counts', async () => {
    const { input, output, messages } = peer(frame(2, Buffer.from('one')))
    input.write(
      Buffer.concat([frame(2, Buffer.from('a'), false), frame(9, Buffer.from('?')), frame(0, Buffer.from('b'))]),
    )
    await settled()
    assert.deepEqual(messages.map(String), ['one', 'ab'])
    assert.deepEqual(output.read(), Buffer.from([0x8a, 1, 63]))
  })

  test('lengths in all three forms, both ways', async () => {
    for (const length of [0, 125, 126, 65535, 65536, 100_000]) {
      const { input, output, messages, socketPeer } = peer()
      const data = Buffer.alloc(length, 5)
      input.write(frame(2, data))
      for (let i = 0; messages.length === 0 && i < 100; i++) await settled()
      assert.equal(messages[0]?.length, length)
      let sent: Buffer = Buffer.alloc(0)
      output.on('data', (chunk) => {
        sent = Buffer.concat([sent, chunk])
      })
      socketPeer.send(data)
      const header = length < 126 ? 2 : length < 65536 ? 4 : 10
      for (let i = 0; sent.length < header + length && i < 100; i++) await settled()
      assert.equal(sent.length, header + length)
    }
  })

  const closes: [string, Buffer, number][] = [
    ['a close', frame(8, Buffer.from([3, 232])), 1000],
    ['a frame without a mask', frame(2, Buffer.from('x'), true, false), 1002],
    ['a message that is too long', Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 1, 2, 3, 4]), 1009],
  ]
  for (const [name, bytes, code] of closes) {
    test(`${name} ends it with ${code}`, async () => {
      const { input, output, messages } = peer()
      input.write(bytes)
      await settled()
      const answer = output.read() as Buffer
      assert.deepEqual([answer[0], answer.readUInt16BE(2)], [0x88, code])
      assert.deepEqual(messages, [])
    })
  }
})
