import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { ProxyHandle } from '../index.ts'
import { cluster, eventually, httpListener, portOf, type Running, testProxy, upstream } from '../testing.ts'

const BIG = 5_000_000

describe('the end of a connection (RFC 9112 9.6)', () => {
  let proxy: ProxyHandle
  let up: Running

  before(async () => {
    up = await upstream((request, response) => response.end(request.url === '/big' ? 'x'.repeat(BIG) : 'hello'))
    const hcm = `delayed_close_timeout: 3600s
http_protocol_options: { accept_http_10: true }
common_http_protocol_options: { max_requests_per_connection: 2 }`
    proxy = await testProxy([httpListener({ hcm })], [cluster(up.port)], { admin: { host: '127.0.0.1', port: 0 } })
  })

  after(async () => {
    await proxy.close(0)
    await up.close()
  })

  const active = async () => {
    const stats = await fetch(`http://${proxy.adminAddress}/stats?filter=^http.web.downstream_cx_active$`)
    return Number(/: (\d+)/.exec(await stats.text())?.[1])
  }

  /** A client that never closes its side by itself, with all that it is sent. */
  const client = (request: string): { readonly socket: Socket; readonly received: () => string } => {
    const socket = connect({ port: portOf(proxy), host: '127.0.0.1', allowHalfOpen: true })
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.write(request)
    return { socket, received: () => text }
  }

  for (const [who, request] of [
    ['says so', 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'],
    ['speaks HTTP/1.0', 'GET / HTTP/1.0\r\nhost: a\r\n\r\n'],
    ['says so before a body', 'POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc'],
  ]) {
    test(`is not waited for where the client ${who}: it sends no more`, async () => {
      const { socket, received } = client(request)
      await once(socket, 'end')
      assert.match(received(), /^HTTP\/1.1 200 OK\r\n.*\r\n\r\n(5\r\n)?hello/s)
      await eventually(async () => (await active()) === 0, 'no connection')
      socket.destroy()
    })
  }

  test('comes after all of an answer that the kernel does not take at once', async () => {
    const { socket, received } = client('GET /big HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    await once(socket, 'end')
    assert.ok(received().length > BIG)
    socket.end()
    await eventually(async () => (await active()) === 0, 'no connection')
  })

  test('is waited for where the proxy wants it: requests on their way would be answered with a reset', async () => {
    const get = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'
    const { socket, received } = client(get + get)
    await once(socket, 'end')
    assert.match(received(), /connection: close/)
    assert.equal(await active(), 1)
    socket.write(get.repeat(100))
    socket.end()
    await once(socket, 'close')
    await eventually(async () => (await active()) === 0, 'no connection')
  })
})
