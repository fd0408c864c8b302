import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import type { UpstreamCallbacks } from '../cluster/upstream.ts'
import { Http1ClientConnection } from './client-connection.ts'
import { DEFAULT_LIMITS } from './head.ts'

class FakeSocket extends EventEmitter {
  readonly events: string[] = []
  destroyed = false
  write(): boolean {
    return true
  }
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
    onUpstreamReset: (_failure: number, reason: string) => events.push(`reset ${reason}`),
  } as unknown as UpstreamCallbacks
}

const head = (method: string, ...more: string[]) =>
  new HeaderMap([':authority', 'a:1', ':path', '/', ':method', method, ':scheme', 'http', ...more])

describe('a connection that is used again', () => {
  /** A CONNECT without a tunnel: it ended with its head, and was refused. */
  function afterConnect() {
    const socket = new FakeSocket()
    const owner = { connectionIdle: () => socket.events.push('idle'), connectionClosed: () => {} }
    const connection = new Http1ClientConnection(socket as unknown as Socket, DEFAULT_LIMITS, 0, owner)
    connection.attach(callbacks(socket.events))
    connection.sendHeaders(head('CONNECT'), true)
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
    connection.onRead(Buffer.from('HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'), true)
    assert.deepEqual(events, ['destroy', 'reset 101 to a request without upgrade'])
  })
})
