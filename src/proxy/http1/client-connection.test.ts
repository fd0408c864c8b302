import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { type UpstreamCallbacks, UpstreamFailure } from '../cluster/upstream.ts'
import { UpstreamConnection } from '../cluster/upstream-connection.ts'
import { endTurn } from '../network/end-of-turn.ts'
import { Http1ClientConnection } from './client-connection.ts'
import { DEFAULT_LIMITS } from './head.ts'

class FakeSocket extends EventEmitter {
  readonly events: string[] = []
  destroyed = false
  written = ''
  write(bytes: Buffer | string): boolean {
    this.written += bytes.toString('latin1')
    return true
  }
  cork(): void {}
  uncork(): void {}
  end(): void {
    this.events.push('end')
  }
  destroy(): void {
    this.destroyed = true
    this.events.push('destroy')
  }
  isPaused(): boolean {
    return false
  }
}

function callbacks(events: string[]): UpstreamCallbacks {
  return {
    onUpstreamHeaders: (headers: HeaderMap) => events.push(`headers ${headers.get(':status')}`),
    onUpstreamData: (data: BodyBuffer) => events.push(`data ${data.linearize().toString('latin1')}`),
    onUpstreamBlocked: () => events.push('blocked'),
    onUpstreamDrained: () => events.push('drained'),
    onUpstreamReset: (_failure: number, reason: string) => events.push(`reset ${reason}`),
  } as unknown as UpstreamCallbacks
}

const head = (method: string, ...more: string[]) =>
  new HeaderMap([':authority', 'a:1', ':path', '/', ':method', method, ':scheme', 'http', ...more])

const SETTINGS = { limits: DEFAULT_LIMITS, maxRequestsPerConnection: 0, bufferLimit: 1000, enableTrailers: false }

const connectionOf = (socket: unknown) => new UpstreamConnection(socket as Socket, undefined, 1, 2, 0)

describe('a connection that is used again', () => {
  /** A CONNECT without a tunnel: it ended with its head, and was refused. */
  function afterConnect() {
    const socket = new FakeSocket()
    const owner = {
      connectionIdle: () => socket.events.push('idle'),
      connectionClosed: () => {},
      connectionExpired: () => {},
      closeAnnounced: () => {},
      protocolBroken: () => {},
    }
    const connection = new Http1ClientConnection(socket as unknown as Socket, connectionOf(socket), SETTINGS, owner)
    connection.attach(callbacks(socket.events))
    connection.sendHeaders(head('CONNECT'), true)
    endTurn()
    connection.onRead(Buffer.from('HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n'), true)
    assert.deepEqual(socket.events.splice(0), ['headers 405', 'idle'])
    connection.attach(callbacks(socket.events))
    return { connection, events: socket.events }
  }

  test('is not half closed behind the next body', () => {
    const { connection, events } = afterConnect()
    connection.sendHeaders(head('POST', 'content-length', '3'), false)
    connection.sendData(BodyBuffer.of('abc'), true)
    assert.deepEqual(events, [])
  })

  test('takes no 101 for a request without upgrade', () => {
    const { connection, events } = afterConnect()
    connection.sendHeaders(head('GET'), true)
    endTurn()
    connection.onRead(Buffer.from('HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'), true)
    assert.deepEqual(events, ['destroy', 'reset 101 that is no answer to an upgrade'])
  })
})

describe('a request that has not left yet', () => {
  function asking() {
    const socket = new FakeSocket()
    const owner = {
      connectionIdle: () => socket.events.push('idle'),
      connectionClosed: () => {},
      connectionExpired: () => {},
      closeAnnounced: () => {},
      protocolBroken: () => {},
    }
    const connection = new Http1ClientConnection(socket as unknown as Socket, connectionOf(socket), SETTINGS, owner)
    connection.attach(callbacks(socket.events))
    connection.sendHeaders(head('GET'), true)
    return { connection, socket }
  }
  const ANSWER = Buffer.from('HTTP/1.1 200 Yes\r\ncontent-length: 0\r\n\r\n')

  test('is not answered by what the upstream said before it', () => {
    const { connection, socket } = asking()
    connection.onRead(ANSWER, true)
    assert.deepEqual(socket.events.splice(0), ['destroy'])
    connection.onClose('closed')
    assert.deepEqual(socket.events, ['reset closed'])
  })

  test('is when it has', () => {
    const { connection, socket } = asking()
    endTurn()
    assert.match(socket.written, /^GET \/ HTTP\/1.1\r\n/)
    connection.onRead(ANSWER, true)
    assert.deepEqual(socket.events, ['headers 200', 'idle'])
  })
})

describe('what a client sends behind an upgrade', () => {
  const SECOND = 'GET /admin HTTP/1.1\r\nhost: a\r\n\r\n'

  function upgrading(method = 'GET', ...more: string[]) {
    const socket = new FakeSocket()
    const owner = {
      connectionIdle: () => socket.events.push('idle'),
      connectionClosed: () => {},
      connectionExpired: () => {},
      closeAnnounced: () => {},
      protocolBroken: () => {},
    }
    const connection = new Http1ClientConnection(socket as unknown as Socket, connectionOf(socket), SETTINGS, owner)
    connection.attach(callbacks(socket.events))
    connection.sendHeaders(head(method, ...more), false)
    const read = (text: string) => {
      endTurn()
      connection.onRead(Buffer.from(text), true)
      return socket.events.splice(0)
    }
    return { connection, socket, read }
  }
  const WEBSOCKET = ['connection', 'upgrade', 'upgrade', 'websocket']

  for (const [what, asked, fields] of [
    ['names no protocol', ['GET', ...WEBSOCKET], ''],
    ['does not name it in connection', ['GET', ...WEBSOCKET], 'upgrade: websocket\r\n'],
    ['answers CONNECT', ['CONNECT'], 'connection: upgrade\r\nupgrade: websocket\r\n'],
  ] as const)
    test(`has no tunnel where the 101 ${what}`, () => {
      const { read } = upgrading(...(asked as [string, ...string[]]))
      assert.deepEqual(read(`HTTP/1.1 101 Yes\r\n${fields}\r\n`), [
        'destroy',
        'reset 101 that is no answer to an upgrade',
      ])
    })

  test('waits for the 101: who has not heard of upgrades would take it for the next request', () => {
    const { connection, socket, read } = upgrading('GET', ...WEBSOCKET)
    connection.sendData(BodyBuffer.of(SECOND), false)
    endTurn()
    assert.ok(!socket.written.includes('/admin'))
    assert.deepEqual(read('HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhi'), [
      'headers 101',
      'data hi',
    ])
    endTurn()
    assert.ok(socket.written.endsWith(SECOND))
    connection.sendData(BodyBuffer.of('more'), true)
    assert.ok(socket.written.endsWith('more'))
    assert.deepEqual(socket.events, ['end'])
  })

  test('goes nowhere where there is none, and the connection with it: also of who has ended', () => {
    const { connection, read } = upgrading('GET', ...WEBSOCKET)
    connection.sendData(BodyBuffer.of('hello'), true)
    assert.deepEqual(read('HTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\nno'), ['headers 404', 'data no', 'destroy'])
  })

  test('and for the 200 of a CONNECT, its end with it', () => {
    const { connection, socket, read } = upgrading('CONNECT')
    connection.sendData(BodyBuffer.of('hello'), true)
    assert.deepEqual(socket.events, [])
    assert.deepEqual(read('HTTP/1.1 200 Yes\r\n\r\n'), ['headers 200', 'end'])
    assert.ok(socket.written.endsWith('hello'))
  })

  test('may end with trailers, of which a tunnel carries the end', () => {
    const { connection, socket, read } = upgrading('GET', ...WEBSOCKET)
    connection.sendData(BodyBuffer.of('abc'), false)
    connection.sendTrailers(new HeaderMap(['a', 'b']))
    const answer = 'HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'
    assert.deepEqual(read(answer), ['headers 101', 'end'])
    assert.ok(socket.written.endsWith('\r\n\r\nabc'))
  })

  test('goes nowhere when there is no tunnel', () => {
    const { connection, socket, read } = upgrading('GET', ...WEBSOCKET)
    connection.sendData(BodyBuffer.of(SECOND), false)
    assert.deepEqual(read('HTTP/1.1 200 No\r\ncontent-length: 2\r\n\r\nno'), ['headers 200', 'data no'])
    connection.sendData(BodyBuffer.of(SECOND), true)
    endTurn()
    assert.ok(!socket.written.includes('/admin'))
  })

  test('is asked for no more than waits well', () => {
    const { connection, socket, read } = upgrading('GET', ...WEBSOCKET)
    connection.sendData(BodyBuffer.of(Buffer.alloc(100_000)), false)
    connection.sendData(BodyBuffer.of(Buffer.alloc(100_000)), false)
    assert.deepEqual(socket.events.splice(0), ['blocked'])
    assert.deepEqual(read('HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'), [
      'headers 101',
      'drained',
    ])
  })
})

describe('an answer that goes wrong', () => {
  /** What becomes of a request when its upstream sends these pieces and then ends. */
  function after(...pieces: readonly string[]): string[] {
    const socket = new FakeSocket()
    const owner = {
      connectionIdle: () => socket.events.push('idle'),
      connectionClosed: () => {},
      connectionExpired: () => {},
      closeAnnounced: () => {},
      protocolBroken: () => {},
    }
    const connection = new Http1ClientConnection(socket as unknown as Socket, connectionOf(socket), SETTINGS, owner)
    const events: string[] = []
    connection.attach({
      ...callbacks(events),
      onUpstreamReset: (failure, reason) =>
        events.push(failure === UpstreamFailure.ProtocolError ? `wrong: ${reason}` : `reset: ${reason}`),
    } as UpstreamCallbacks)
    connection.sendHeaders(head('GET'), true)
    endTurn()
    for (const piece of pieces) connection.onRead(Buffer.from(piece, 'latin1'), true)
    if (!socket.destroyed) connection.onEnd()
    connection.onClose('end')
    return events
  }

  const OK = 'HTTP/1.1 200 OK\r\n'
  const cases: readonly (readonly [what: string, pieces: readonly string[], events: readonly string[]])[] = [
    ['nothing', [], ['reset: end']],
    ['an interim answer alone', ['HTTP/1.1 103 Early Hints\r\n\r\n'], ['reset: end']],
    ['half a head', [OK], ['wrong: end']],
    ['half a body by its length', [`${OK}content-length: 5\r\n\r\nabc`], ['headers 200', 'data abc', 'reset: end']],
    ['half a chunk', [`${OK}transfer-encoding: chunked\r\n\r\n5\r\nabc`], ['headers 200', 'data abc', 'reset: end']],
    ['a body up to the end', [`${OK}\r\nabc`], ['headers 200', 'data abc', 'data ']],
    ['no status line', ['SSH-2.0-OpenSSH'], ['wrong: no status line']],
    ['an empty line before it', [`\r\n${OK}content-length: 0\r\n\r\n`], ['wrong: malformed status line']],
    [
      'a head whose lines end with LF',
      ['HTTP/1.1 200 OK\ncontent-length: 0\n\n'],
      ['wrong: LF without CR in the head'],
    ],
    ['the same in pieces', [OK, 'content-length: 0', '\n', '\n'], ['wrong: LF without CR in the head']],
    [
      'wrong trailers behind a whole body',
      [`${OK}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nno colon\r\n\r\n`],
      ['headers 200', 'data abc', 'wrong: header line without a colon'],
    ],
    [
      'a wrong size behind a chunk',
      [`${OK}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nx\r\n`],
      ['headers 200', 'wrong: invalid chunk size'],
    ],
    ['two hosts, which say nothing there', [`${OK}host: a\r\nhost: b\r\ncontent-length: 0\r\n\r\n`], ['headers 200']],
  ]
  for (const [what, pieces, events] of cases) test(what, () => assert.deepEqual(after(...pieces), events))
})
