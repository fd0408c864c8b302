import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { endTurn } from '../network/end-of-turn.ts'
import { Output } from './output.ts'

/** An output, and what its socket was given, a piece for each call. */
function output(limit?: number) {
  const written: string[] = []
  let blocked = 0
  let room = true
  const socket = {
    writableLength: 0,
    cork() {},
    uncork() {},
    write(bytes: Buffer | string) {
      written.push(bytes.toString('latin1'))
      return room
    },
  }
  const out = new Output(socket as unknown as Socket, { onOutputBlocked: () => void blocked++ }, limit)
  const full = (waiting = 1) => {
    room = false
    socket.writableLength = waiting
  }
  return { out, written, full, blocked: () => blocked }
}

describe('what a connection has to write', () => {
  test('goes out at the end of the turn as one piece', () => {
    const { out, written } = output()
    out.text('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
    out.chunk(BodyBuffer.of('hello'), false)
    out.chunk(new BodyBuffer(), false)
    out.chunk(BodyBuffer.of('é'), true)
    assert.deepEqual(written, [])
    endTurn()
    assert.deepEqual(written, [
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\nÃ©\r\n0\r\n\r\n',
    ])
    endTurn()
    assert.equal(written.length, 1)
  })

  test('keeps its order when the next message begins before it', () => {
    const { out, written } = output()
    out.text('first\r\n\r\n')
    out.body(BodyBuffer.of('body'))
    out.text('second\r\n\r\n')
    endTurn()
    assert.deepEqual(written, ['first\r\n\r\nbodysecond\r\n\r\n'])
  })

  test('may wait for the peer up to a limit', () => {
    const { out, full, blocked } = output(1000)
    full(1000)
    out.body(BodyBuffer.of('x'))
    endTurn()
    assert.equal(blocked(), 0)
    full(1001)
    out.body(BodyBuffer.of('x'))
    endTurn()
    assert.equal(blocked(), 1)
  })

  test('does not gather more than a little', () => {
    const { out, written } = output()
    out.body(BodyBuffer.of('x'.repeat(40_000)))
    assert.equal(written.length, 1)
    for (let i = 0; i < 100; i++) out.text('y'.repeat(1000))
    assert.ok(written.length >= 3)
    endTurn()
    assert.equal(written.join('').length, 140_000)
  })

  test('says once that the peer takes no more', () => {
    const { out, full, blocked } = output()
    full()
    out.text('a')
    assert.equal(blocked(), 0)
    endTurn()
    out.text('b')
    endTurn()
    assert.equal(blocked(), 1)
    assert.equal(out.blocked, true)
  })

  test('tells whether anything of a message has left', () => {
    const { out } = output()
    out.unsent = true
    out.text('GET / HTTP/1.1\r\n\r\n')
    assert.equal(out.unsent, true)
    endTurn()
    assert.equal(out.unsent, false)
  })
})
