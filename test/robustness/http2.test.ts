/** The same over HTTP/2, by node:http2's client: streams and connections that are given up, slow readers, upstreams that break off. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../../src/proxy/testing.ts'
import { Arena, type Behaviour } from './arena.ts'

const MB = 1 << 20
const HUGE = 64 * MB
/** Windows and the kernel's buffers, not what is sent. */
const BOUND = 24 * MB

const seen = { gone: 0, sent: 0 }

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  never: (socket) => {
    socket.on('data', () => {})
    socket.on('close', () => seen.gone++)
  },
  cut: (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc'),
  early: (socket) => {
    socket.on('close', () => seen.gone++)
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
  },
  'huge-download': (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${HUGE}\r\n\r\n`)
    const chunk = Buffer.alloc(256 * 1024)
    const pump = () => {
      while (seen.sent < HUGE) {
        seen.sent += chunk.length
        if (!socket.write(chunk)) {
          socket.once('drain', pump)
          return
        }
      }
    }
    pump()
  },
}

interface End {
  readonly status: number
  readonly code: number
  readonly bytes: number
}

for (const wasm of [false, true]) {
  describe(wasm ? 'HTTP/2 with a Wasm filter' : 'HTTP/2 without a filter', () => {
    let arena: Arena
    before(async () => {
      arena = await Arena.start(wasm, BEHAVIOURS)
    })
    after(() => arena.close())

    function session(): ClientHttp2Session {
      return connect(`http://127.0.0.1:${arena.port}`).on('error', () => {})
    }

    function start(on: ClientHttp2Session, path: string, length = 0): ClientHttp2Stream {
      const headers = { ':path': path, ...(length > 0 ? { ':method': 'POST', 'content-length': length } : {}) }
      return on.request(headers, { endStream: length === 0 }).on('error', () => {})
    }

    function end(stream: ClientHttp2Stream): Promise<End> {
      return new Promise((resolve) => {
        let [status, bytes] = [0, 0]
        stream.on('response', (headers) => {
          status = Number(headers[':status'])
        })
        stream.on('data', (chunk: Buffer) => {
          bytes += chunk.length
        })
        stream.on('close', () => resolve({ status, code: stream.rstCode ?? 0, bytes }))
      })
    }

    test('streams that are reset before, in and after their request', async () => {
      const one = session()
      const streams = Array.from({ length: 60 }, (_, i) => start(one, '/never', i % 2 === 0 ? 0 : 1000))
      for (const [i, stream] of streams.entries()) {
        if (i % 2 === 1 && i % 3 > 0) stream.write(Buffer.alloc(i % 3 === 1 ? 10 : 1000))
        if (i % 5 === 0) await sleep(1)
        stream.close(constants.NGHTTP2_CANCEL)
      }
      await Promise.all(streams.map((stream) => stream.closed || once(stream, 'close')))
      assert.deepEqual(await end(start(one, '/ok')), { status: 200, code: 0, bytes: 2 })
      one.close()
      await arena.settled()
    })

    test('connections that are broken with streams under way', async () => {
      for (let i = 0; i < 10; i++) {
        const one = session()
        for (let j = 0; j < 20; j++) start(one, j % 2 === 0 ? '/never' : '/huge-download', j % 4 === 0 ? 100 : 0)
        await once(one, 'connect')
        await sleep(i)
        one.destroy()
      }
      seen.sent = 0
      await arena.settled()
    })

    test('an upstream that breaks off resets the stream only', async () => {
      const one = session()
      const ends = await Promise.all(Array.from({ length: 20 }, () => end(start(one, '/cut'))))
      for (const { status, code, bytes } of ends) {
        assert.equal(status, 200)
        assert.ok(bytes <= 3)
        assert.notEqual(code, 0)
      }
      assert.equal((await end(start(one, '/ok'))).status, 200)
      one.close()
      await arena.settled()
    })

    test('an answer before the end of the request, and none at all', async () => {
      const one = session()
      seen.gone = 0
      const early = start(one, '/early', 50_000_000)
      early.write(Buffer.alloc(1000))
      assert.deepEqual(await end(early), { status: 200, code: 0, bytes: 2 })
      await eventually(() => seen.gone === 1, 'the upstream connection to end')
      const late = await Promise.all(Array.from({ length: 10 }, () => end(start(one, '/never'))))
      assert.deepEqual(
        late.map(({ status }) => status),
        late.map(() => 504),
      )
      one.close()
      await arena.settled()
    })

    test('header floods', async () => {
      const one = session()
      const flood = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x-${i}`, 'a'.repeat(1000)]))
      const stream = one.request({ ':path': '/ok', ...flood }).on('error', () => {})
      const { status } = await end(stream)
      assert.ok(status === 431 || status === 0, `status ${status}`)
      one.destroy()
      await arena.settled()
    })

    test('a client that reads slowly holds the upstream back and gets all', async () => {
      seen.sent = 0
      const one = session()
      const stream = start(one, '/huge-download')
      await once(stream, 'response')
      await sleep(300)
      assert.ok(seen.sent < BOUND, `${seen.sent} bytes are under way`)
      const { bytes } = await end(stream)
      assert.equal(bytes, HUGE)
      one.close()
      await arena.settled()
    })
  })
}
