import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  connect,
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import net, { type AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { ProxyHandle } from '../index.ts'
import {
  cluster,
  eventually,
  get,
  H2_UPSTREAM,
  httpListener,
  portOf,
  type Running,
  rawUpstream,
  testProxy,
  upstream,
} from '../testing.ts'
import { Flag, FrameType, PREFACE } from './frame.ts'
import { frame, framesOf } from './testing.ts'

/** One request over h2c. */
async function h2(
  port: number,
  headers: Record<string, string>,
  body?: string | readonly string[],
  trailers?: Record<string, string>,
) {
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  try {
    const stream = session.request(
      { ':path': '/', ...headers },
      { endStream: body === undefined, waitForTrailers: trailers !== undefined },
    )
    if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers))
    let answer: IncomingHttpHeaders = {}
    let end: IncomingHttpHeaders = {}
    let text = ''
    stream.on('response', (found) => {
      answer = found
    })
    stream.on('trailers', (found) => {
      end = found
    })
    stream.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
    })
    if (body !== undefined) {
      const parts = typeof body === 'string' ? [body] : body
      for (const part of parts) stream.write(part)
      stream.end()
    }
    await once(stream, 'close')
    return { status: answer[':status'], headers: answer, body: text, trailers: end, code: stream.rstCode }
  } finally {
    session.close()
  }
}

describe('HTTP/2', () => {
  let proxy: ProxyHandle
  let up: Running
  let grpc: Http2Server

  before(async () => {
    up = await upstream((request, response, body) => {
      if (request.url === '/big') response.end('x'.repeat(4_000_000))
      else
        response.end(
          JSON.stringify({ url: request.url, headers: request.headers, body: body.length > 100 ? body.length : body }),
        )
    })
    grpc = createServer()
    grpc.on('stream', (stream: ServerHttp2Stream, headers) => {
      stream.on('error', () => {})
      if (headers[':path'] === '/only') {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' }, { endStream: true })
        return
      }
      if (headers[':path'] === '/refuse') {
        stream.close(constants.NGHTTP2_INTERNAL_ERROR)
        return
      }
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      let end: IncomingHttpHeaders = {}
      stream.on('trailers', (found) => {
        end = found
      })
      stream.on('wantTrailers', () =>
        stream.sendTrailers({ 'grpc-status': '0', 'x-echo': String(end['x-end'] ?? 'none') }),
      )
      stream.pipe(stream)
    })
    grpc.listen(0, '127.0.0.1')
    await once(grpc, 'listening')
    const routes =
      '[{ match: { prefix: /h1 }, route: { cluster: up, prefix_rewrite: "/" } }, { match: { prefix: /big }, route: { cluster: up } }, { match: { prefix: / }, route: { cluster: grpc } }]'
    const listener = httpListener({ routes, hcm: 'http_protocol_options: { enable_trailers: true }' })
    proxy = await testProxy(
      [listener],
      [cluster(up.port), cluster((grpc.address() as AddressInfo).port, H2_UPSTREAM, 'grpc')],
    )
  })

  after(async () => {
    await proxy.close(0)
    await up.close()
    grpc.close()
  })

  const port = () => portOf(proxy)

  test('h2c to HTTP/1.1, with cookies joined (RFC 9113 8.2.3)', async () => {
    const session = connect(`http://127.0.0.1:${port()}`)
    const stream = session.request({ ':path': '/h1/a', cookie: ['a=1', 'b=2'] as unknown as string })
    let text = ''
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    await once(stream, 'close')
    session.close()
    const seen = JSON.parse(text)
    assert.equal(seen.url, '//a')
    assert.equal(seen.headers.cookie, 'a=1; b=2')
    assert.equal(seen.headers.host, `127.0.0.1:${port()}`)
  })

  test('HTTP/1.1 still works on the same port', async () => {
    assert.equal((await get(port(), '/h1')).status, 200)
  })

  test('bodies both ways', async () => {
    const posted = await h2(port(), { ':path': '/h1', ':method': 'POST' }, 'y'.repeat(2_000_000))
    assert.equal(JSON.parse(posted.body).body, 2_000_000)
    assert.equal((await h2(port(), { ':path': '/big' })).body.length, 4_000_000)
  })

  test('h2 to h2: streams and trailers (gRPC)', async () => {
    const answer = await h2(
      port(),
      { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' },
      ['one', 'two'],
      { 'x-end': 'yes' },
    )
    assert.equal(answer.status, 200)
    assert.equal(answer.body, 'onetwo')
    assert.equal(answer.trailers['grpc-status'], '0')
    assert.equal(answer.trailers['x-echo'], 'yes')
    const large = await h2(port(), { ':method': 'POST' }, 'z'.repeat(3_000_000))
    assert.equal(large.body.length, 3_000_000)
  })

  test('an answer of headers only', async () => {
    const answer = await h2(port(), { ':path': '/only', ':method': 'POST' }, 'x')
    assert.equal(answer.headers['grpc-status'], '5')
  })

  test('HTTP/1.1 to h2: trailers come out chunked', async () => {
    const answer = await get(port(), '/', { method: 'POST', body: 'hi' })
    assert.equal(answer.body, 'hi')
    assert.equal(answer.trailers['grpc-status'], '0')
  })

  test('a stream that the upstream resets is a 503; gRPC gets its status', async () => {
    assert.equal((await h2(port(), { ':path': '/refuse', ':method': 'POST' }, 'x')).status, 503)
    const answer = await h2(port(), { ':path': '/refuse', ':method': 'POST', 'content-type': 'application/grpc' }, 'x')
    assert.deepEqual([answer.status, answer.headers['grpc-status']], [200, '14'])
  })

  test('what happened is counted by Envoy’s names', async () => {
    const [{ counters }] = await proxy.workers.query<{ counters: Record<string, number> }>('stats')
    assert.ok(counters['cluster.grpc.http2.rx_reset'] > 0)
    assert.equal(counters['http2.outbound_control_flood'], 0)
  })

  test('many streams on one connection, some cancelled; nothing is left', async () => {
    const session = connect(`http://127.0.0.1:${port()}`)
    const done = Array.from({ length: 100 }, async (_, i) => {
      const stream = session.request({ ':path': i % 2 === 0 ? '/h1' : '/', ':method': 'POST' })
      stream.on('error', () => {})
      stream.resume()
      if (i % 3 === 0) {
        stream.write('x')
        setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), 5)
      } else stream.end('x')
      await once(stream, 'close')
    })
    await Promise.all(done)
    session.close()
    await eventually(async () => {
      const [{ gauges }] = await proxy.workers.query<{ gauges: Record<string, number> }>('stats')
      const [clusters] = await proxy.workers.query<{ requests: number; pending: number }[]>('clusters')
      return (
        gauges['http.web.downstream_rq_active'] === 0 &&
        clusters.every(({ requests, pending }) => requests + pending === 0)
      )
    }, 'idle')
  })
})

test('an answer to HEAD, and 204, has no DATA over HTTP/2 whatever the filters send', async () => {
  const routes =
    '[{ match: { path: /none }, direct_response: { status: 204, body: { inline_string: hello } } }, { match: { prefix: / }, direct_response: { status: 200, body: { inline_string: hello } } }]'
  const proxy = await testProxy([httpListener({ routes })], [cluster(1)])
  try {
    const head = await h2(portOf(proxy), { ':method': 'HEAD' })
    assert.deepEqual([head.status, head.body, head.code, head.headers['content-length']], [200, '', 0, '5'])
    const none = await h2(portOf(proxy), { ':path': '/none' })
    assert.deepEqual([none.status, none.body, none.code], [204, '', 0])
    assert.equal((await h2(portOf(proxy), {})).body, 'hello')
  } finally {
    await proxy.close(0)
  }
})

describe('HTTP/2 back pressure', () => {
  test('a client that does not read stops the upstream; one that is not read stops', async () => {
    let sent = 0
    let received = 0
    const up = await rawUpstream((socket) => {
      socket.once('data', (first: Buffer) => {
        if (first.toString('latin1').startsWith('GET /endless')) {
          socket.write('HTTP/1.1 200 OK\r\n\r\n')
          const more = () => {
            while (!socket.destroyed && socket.write(Buffer.alloc(64 * 1024))) sent += 64 * 1024
          }
          socket.on('drain', more)
          more()
        } else {
          received += first.length
          socket.pause()
        }
      })
    })
    const proxy = await testProxy([httpListener({})], [cluster(up.port)])
    const session = connect(`http://127.0.0.1:${portOf(proxy)}`)
    session.on('error', () => {})
    try {
      const reading = session.request({ ':path': '/endless' })
      reading.on('error', () => {})
      await once(reading, 'response')
      const writing = session.request({ ':path': '/sink', ':method': 'POST' })
      writing.on('error', () => {})
      let written = 0
      const more = () => {
        while (!writing.destroyed && writing.write(Buffer.alloc(64 * 1024))) written += 64 * 1024
      }
      writing.on('drain', more)
      more()
      // Long enough for hundreds of megabytes, if nothing stopped them.
      let before = -1
      await eventually(async () => {
        const quiet = sent + written === before
        before = sent + written
        await new Promise((resolve) => setTimeout(resolve, 200))
        return quiet && received > 0
      }, 'quiet')
      assert.ok(sent < 24 * 1024 * 1024, `${sent} bytes of the answer`)
      assert.ok(written < 24 * 1024 * 1024, `${written} bytes of the request`)
      // The connection is not blocked for others, and reading goes on where it stopped.
      let seen = 0
      reading.on('data', (chunk: Buffer) => {
        seen += chunk.length
      })
      await eventually(() => seen > 32 * 1024 * 1024, 'the answer to go on', 20_000)
    } finally {
      session.destroy()
      await proxy.close(0)
      await up.close()
    }
  })

  test('an answer for which the client opens no window is given up after stream_idle_timeout', async () => {
    const up = await upstream((_, response) => response.end('body'))
    const proxy = await testProxy([httpListener({ hcm: 'stream_idle_timeout: 0.3s' })], [cluster(up.port)])
    const socket = net.connect(portOf(proxy), '127.0.0.1')
    try {
      let read = Buffer.alloc(0)
      socket.on('data', (chunk: Buffer) => {
        read = Buffer.concat([read, chunk])
      })
      // SETTINGS_INITIAL_WINDOW_SIZE of 0, and a GET.
      const { Settings, Headers, RstStream } = FrameType
      const get = frame(Headers, Flag.EndHeaders | Flag.EndStream, 1, '828684410161')
      socket.write(Buffer.concat([PREFACE, frame(Settings, 0, 0, '000400000000'), get]))
      await eventually(() => framesOf(read).some(({ type }) => type === RstStream), 'RST_STREAM')
    } finally {
      socket.destroy()
      await proxy.close(0)
      await up.close()
    }
  })
})
