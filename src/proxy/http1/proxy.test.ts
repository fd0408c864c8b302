import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { ProxyHandle } from '../index.ts'
import {
  cluster,
  eventually,
  exchange,
  get,
  httpListener,
  portOf,
  type Running,
  rawUpstream,
  testProxy,
  upstream,
} from '../testing.ts'

const GET = 'GET /x HTTP/1.1\r\nhost: a\r\n\r\n'
const CLOSE = 'GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'

/** What each raw upstream does with a connection, by the name of its cluster. */
const LIARS: Readonly<Record<string, { readonly answer: string; readonly end?: boolean }>> = {
  short: { answer: 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc', end: true },
  long: { answer: 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong' },
  both: { answer: 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n' },
  garbage: { answer: 'SSH-2.0-OpenSSH\r\n\r\n' },
  cut: { answer: 'HTTP/1.1 200 OK\r\ncontent-le', end: true },
  nothing: { answer: '', end: true },
  chunk: { answer: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n' },
  close: { answer: 'HTTP/1.1 200 OK\r\n\r\nuntil close', end: true },
  informed: { answer: 'HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok' },
  flood: { answer: 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(20) },
  unasked: { answer: 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n' },
  big: { answer: `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(70_000)}\r\n\r\n` },
}

describe('HTTP/1.1 through the proxy', () => {
  let proxy: ProxyHandle
  let up: Running & { readonly requests: string[] }
  const liars: Running[] = []
  let echo: Running

  before(async () => {
    up = await upstream((request, response, body) => {
      if (request.url === '/slow') return
      if (request.url === '/trailers') {
        response.writeHead(200, { trailer: 'x-end' })
        response.write('a')
        response.addTrailers({ 'x-end': 'yes' })
        response.end()
      } else if (request.method === 'HEAD') response.setHeader('content-length', 12).end()
      else if (request.url === '/204') response.writeHead(204).end()
      else if (request.url === '/huge') response.end('x'.repeat(5_000_000))
      else
        response.end(
          JSON.stringify({ url: request.url, headers: request.headers, body: body.length > 100 ? body.length : body }),
        )
    })
    echo = await rawUpstream(
      (socket) => {
        socket.once('data', () => {
          socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
          socket.on('data', (chunk) => socket.write(chunk))
          // Behind the time of its route.
          socket.on('end', () => setTimeout(() => socket.end('bye'), 400))
        })
      },
      { allowHalfOpen: true },
    )
    const routes = [
      '{ match: { prefix: /timeout }, route: { cluster: up, timeout: 0.1s, prefix_rewrite: /slow } }',
      '{ match: { prefix: /ws }, route: { cluster: echo, timeout: 0.2s } }',
    ]
    const clusters = [
      cluster(up.port, 'http_protocol_options: { enable_trailers: true }'),
      cluster(echo.port, '', 'echo'),
      cluster(1, '', 'refused'),
    ]
    routes.push(
      '{ match: { prefix: /refused }, route: { cluster: refused } }',
      '{ match: { prefix: /missing }, route: { cluster: nowhere } }',
    )
    for (const [name, { answer, end }] of Object.entries(LIARS)) {
      const liar = await rawUpstream((socket) => {
        socket.once('data', () => {
          if (end) socket.end(answer, 'latin1')
          else socket.write(answer, 'latin1')
        })
      })
      liars.push(liar)
      clusters.push(cluster(liar.port, '', name))
      routes.push(`{ match: { prefix: /${name} }, route: { cluster: ${name}, timeout: 1s } }`)
    }
    routes.push('{ match: { prefix: / }, route: { cluster: up } }')
    const hcm =
      'http_protocol_options: { enable_trailers: true }\nupgrade_configs: [{ upgrade_type: websocket }]\nrequest_headers_timeout: 1.5s'
    proxy = await testProxy([httpListener({ routes: `[${routes.join(', ')}]`, hcm })], clusters)
  })

  after(async () => {
    await proxy.close(0)
    for (const one of [up, echo, ...liars]) await one.close()
  })

  const port = () => portOf(proxy)

  test('RFC 9112 9.3.2: pipelined requests are answered in order', async () => {
    const text = await exchange(
      port(),
      `${GET.replace('/x', '/1')}${GET.replace('/x', '/2')}${CLOSE.replace('/x', '/3')}`,
    )
    assert.deepEqual(
      [...text.matchAll(/"url":"\/(\d)"/g)].map(([, n]) => n),
      ['1', '2', '3'],
    )
    assert.equal(text.match(/connection: close/g)?.length, 1)
  })

  test('RFC 9112 9.6: close is announced and done', async () => {
    const text = await exchange(port(), CLOSE, 1000)
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n.*\r\nconnection: close\r\n/s)
  })

  test('bodies in pieces of every size arrive whole, with length and chunked', async () => {
    for (const size of [1, 3, 50]) {
      const cut = (text: string) => text.match(new RegExp(`.{1,${size}}`, 'gs')) ?? []
      const length = await exchange(
        port(),
        cut('POST /b HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello'),
        1000,
      )
      assert.match(length, /"body":"hello"/)
      const chunked = await exchange(
        port(),
        cut(
          'POST /b HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n',
        ),
        1000,
      )
      assert.match(chunked, /"body":"hello"/)
    }
  })

  test('large bodies both ways', async () => {
    assert.equal((await get(port(), '/huge')).body.length, 5_000_000)
    assert.match((await get(port(), '/up', { method: 'POST', body: 'y'.repeat(3_000_000) })).body, /"body":3000000/)
  })

  test('RFC 9110 9.3.2: HEAD has no body; 15.3.5: nor has 204', async () => {
    const head = await exchange(port(), 'HEAD /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 1000)
    assert.match(head, /\r\n\r\n$/)
    assert.match(head, /content-length: \d+/)
    const none = await exchange(port(), 'GET /204 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n', 1000)
    assert.doesNotMatch(none, /content-length|transfer-encoding/)
  })

  test('RFC 9110 10.1.1: 100-continue', async () => {
    const text = await exchange(
      port(),
      ['POST /c HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n\r\n', 'hi'],
      1000,
    )
    assert.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200/)
    assert.doesNotMatch(text, /"expect"/)
  })

  test('RFC 9112 7.1.2: trailers pass when enabled', async () => {
    assert.equal((await get(port(), '/trailers')).trailers['x-end'], 'yes')
  })

  test('RFC 9110 7.8: WebSocket tunnels bytes both ways, with half-close, in no time of the route’s', async () => {
    const socket = connect(port(), '127.0.0.1')
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.write('GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    await eventually(() => text.includes('\r\n\r\n'))
    assert.match(text, /^HTTP\/1\.1 101 Switching Protocols\r\n.*upgrade: websocket/s)
    socket.write('\0\x01ping')
    await eventually(() => text.endsWith('ping'))
    socket.end()
    await once(socket, 'close')
    assert.match(text, /bye$/)
  })

  test('9110 7.8: an upgrade with a body of its own, which is not taken for what the tunnel carries', async () => {
    const headers = { connection: 'upgrade', upgrade: 'websocket' }
    const answer = await get(port(), '/ws', { method: 'POST', headers, body: 'hello' })
    assert.deepEqual([answer.status, answer.body], [400, 'Bad Request'])
  })

  test('an upgrade that is not allowed', async () => {
    assert.equal((await get(port(), '/ws', { headers: { connection: 'upgrade', upgrade: 'other' } })).status, 403)
  })

  test('Envoy’s words when there is no upstream', async () => {
    const refused = await get(port(), '/refused')
    assert.equal(refused.status, 503)
    assert.match(
      refused.body,
      /^upstream connect error or disconnect\/reset before headers\. reset reason: remote connection failure/,
    )
    assert.equal((await get(port(), '/missing')).status, 503)
    const late = await get(port(), '/timeout')
    assert.deepEqual([late.status, late.body], [504, 'upstream request timeout'])
  })

  const outcomes: Readonly<Record<string, readonly [status: number, body: RegExp | undefined]>> = {
    long: [200, /^abc$/],
    both: [502, /protocol error/],
    garbage: [502, /protocol error/],
    cut: [502, /protocol error/],
    nothing: [503, /connection termination/],
    close: [200, /^until close$/],
    informed: [200, /^ok$/],
    flood: [502, /protocol error/],
    unasked: [502, /protocol error/],
    big: [502, /protocol error/],
  }
  for (const [name, [status, body]] of Object.entries(outcomes)) {
    test(`an upstream that lies: ${name}`, async () => {
      const answer = await get(port(), `/${name}`)
      assert.equal(answer.status, status)
      if (body !== undefined) assert.match(answer.body, body)
    })
  }

  test('an upstream that breaks off in the body: the client can tell', async () => {
    await assert.rejects(get(port(), '/short'))
    await assert.rejects(get(port(), '/chunk'))
  })

  test('a refused message closes the connection and nothing of it reaches the upstream', async () => {
    const before = up.requests.length
    for (const message of [
      'POST /s HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nG',
      'POST /s HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
      'GET /s HTTP/1.1\r\nhost: a\r\nx : y\r\n\r\n',
      'GET /s HTTP/1.1\nhost: a\n\n\r\n\r\n',
    ]) {
      const text = await exchange(port(), `${message}${GET}`, 1000)
      assert.match(text, /^HTTP\/1\.1 400 Bad Request\r\n/)
      assert.match(text, /connection: close/)
      assert.equal(text.match(/HTTP\/1\.1 /g)?.length, 1)
    }
    assert.equal(up.requests.length, before)
  })

  test('limits and slow heads', async () => {
    assert.match(
      await exchange(port(), `GET / HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(70_000)}\r\n\r\n`),
      /^HTTP\/1\.1 431 /,
    )
    assert.match(await exchange(port(), 'GET / HTTP/1.1\r\nhos', 1500), /^HTTP\/1\.1 408 /)
    assert.match(await exchange(port(), 'GET / HTTP/1.0\r\nhost: a\r\n\r\n'), /^HTTP\/1\.1 426 /)
  })
})
