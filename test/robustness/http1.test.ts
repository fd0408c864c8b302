/**
 * Peers that are slow, huge, wrong or gone, over HTTP/1.1: each gets what Envoy gives it, other requests do not notice, and no
 * descriptor, stream or plugin context is left. test/parity has the same behaviours on Envoy, one at a time.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../../src/proxy/testing.ts'
import { Arena, type Behaviour, each, Raw } from './arena.ts'

const RESPONSE = 'HTTP/1.1 200 OK\r\nx-a: b\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n'
const LENGTH_RESPONSE = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde'
const HEAD_END = 4
const MB = 1 << 20
/** More than the kernel's buffers on a loopback connection, less than what is sent. */
const BOUND = 24 * MB
const HUGE = 96 * MB
/** More than is under way at once. */
const REST = 32 * MB

/** What the upstream has been given or has got rid of. */
const seen = { gone: 0, sent: 0, received: 0 }
let release: () => void = () => {}

const cutOf = (head: string) => /\/(\d+) HTTP/.exec(head)?.[1] ?? '0'

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  never: (socket) => {
    socket.on('data', () => {})
    socket.on('close', () => seen.gone++)
  },
  'cut-end': (socket, head) => socket.end(RESPONSE.slice(0, Number(cutOf(head))), 'latin1'),
  'cut-reset': (socket, head) => {
    const part = RESPONSE.slice(0, Number(cutOf(head)))
    if (part === '') socket.resetAndDestroy()
    else socket.write(part, 'latin1', () => setTimeout(() => socket.resetAndDestroy(), 10))
  },
  'cut-length': (socket, head) => socket.end(LENGTH_RESPONSE.slice(0, Number(cutOf(head))), 'latin1'),
  long: (socket) => socket.write(`${LENGTH_RESPONSE}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`),
  early: (socket) => {
    socket.on('close', () => seen.gone++)
    socket.write(LENGTH_RESPONSE)
  },
  'early-close': (socket) => socket.end('HTTP/1.1 413 No\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno'),
  echo: (socket) => {
    socket.on('data', () => {})
    socket.write(LENGTH_RESPONSE)
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
  'huge-rest': (socket) =>
    socket.write(
      Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${REST}\r\n\r\n`), Buffer.alloc(REST)]),
    ),
  'huge-upload': (socket) => {
    socket.on('data', (chunk) => {
      seen.received += chunk.length
      if (seen.received >= HUGE) socket.write(LENGTH_RESPONSE)
    })
    socket.pause()
    release = () => socket.resume()
  },
}

for (const wasm of [false, true]) {
  describe(wasm ? 'with a Wasm filter' : 'without a filter', () => {
    let arena: Arena
    before(async () => {
      arena = await Arena.start(wasm, BEHAVIOURS)
    })
    after(() => arena.close())

    test('slow heads: many are open half, each is told 408 in time', async () => {
      const starts = [
        'GET /ok HTTP/1.1\r\nhost: a\r\nx-a: ',
        'GET /ok HTTP/1.1\r\nhost: a\r\n\r\nGET /ok HT',
        'PRI * HT',
      ]
      const clients = await Promise.all(
        Array.from({ length: 200 }, (_, i) => Raw.connect(arena.port, starts[i % starts.length])),
      )
      // A byte now and then does not buy more time.
      for (let i = 0; i < 5; i++) {
        await sleep(60)
        for (const { socket } of clients) if (socket.writable) socket.write('P')
      }
      for (const [i, client] of clients.entries()) {
        const { text } = await client.toEnd()
        if (i % 3 === 2) assert.match(text, /^HTTP\/1\.1 4(?:00|08) /)
        else assert.match(text, i % 3 === 0 ? /^HTTP\/1\.1 408 / : /ok.*HTTP\/1\.1 408 /s)
      }
      await arena.settled()
    })

    test('slow bodies are told 408', async () => {
      const head = 'POST /never HTTP/1.1\r\nhost: a\r\n'
      const starts = [`${head}content-length: 9\r\n\r\nab`, `${head}transfer-encoding: chunked\r\n\r\n5\r\nab`]
      const clients = await Promise.all(
        Array.from({ length: 40 }, (_, i) => Raw.connect(arena.port, starts[i % starts.length])),
      )
      for (const client of clients) assert.equal((await client.toEnd()).status, 408)
      await arena.settled()
    })

    test('header floods: too many, too large, and without end', async () => {
      const head = 'GET /ok HTTP/1.1\r\nhost: a\r\n'
      for (const flood of ['a: b\r\n'.repeat(101), `a: ${'b'.repeat(70_000)}\r\n`, `${'a'.repeat(70_000)}: b\r\n`]) {
        assert.equal((await (await Raw.connect(arena.port, `${head}${flood}\r\n`)).toEnd()).status, 431)
      }
      const client = await Raw.connect(arena.port, head)
      for (let i = 0; i < 200 && client.socket.writable; i++) {
        client.socket.write(`x-${i}: ${'a'.repeat(8000)}\r\n`)
        await new Promise(setImmediate)
      }
      assert.ok(['0', '431'].includes(String((await client.toEnd()).status)))
      const trailers = `POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n${'a: b\r\n'.repeat(20_000)}\r\n`
      await (await Raw.connect(arena.port, trailers)).toEnd()
      await arena.settled()
    })

    test('a client that reads slowly holds the upstream back and gets all', async () => {
      seen.sent = 0
      const client = await Raw.connect(
        arena.port,
        'GET /huge-download HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
      )
      await eventually(() => client.bytes > 0)
      client.socket.pause()
      await sleep(300)
      const held = seen.sent - client.bytes
      assert.ok(held < BOUND, `${held} bytes are under way`)
      client.socket.resume()
      await client.toEnd()
      assert.ok(client.bytes > HUGE)
      await arena.settled()
    })

    test('a client that reads slower than the delay of closing gets all', async () => {
      const head = 'GET /huge-rest HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'
      await each([1, 2, 3, 4], 4, async () => {
        const client = await Raw.connect(arena.port, head)
        let next = REST - 12 * MB
        client.socket.on('data', () => {
          if (client.bytes < next) return
          next += 2 * MB
          client.socket.pause()
          setTimeout(() => client.socket.resume(), 400)
        })
        await client.toEnd()
        assert.ok(client.bytes > REST, `${client.bytes} bytes`)
      })
      await arena.settled()
    })

    test('an upstream that reads slowly holds the client back and gets all', async () => {
      seen.received = 0
      release = () => {}
      const head = `POST /huge-upload HTTP/1.1\r\nhost: a\r\ncontent-length: ${HUGE}\r\n\r\n`
      const client = await Raw.connect(arena.port, head)
      const chunk = Buffer.alloc(256 * 1024)
      let sent = 0
      const pump = () => {
        while (sent < HUGE) {
          sent += chunk.length
          if (!client.socket.write(chunk)) {
            client.socket.once('drain', pump)
            return
          }
        }
      }
      pump()
      await sleep(300)
      assert.ok(sent < BOUND, `${sent} bytes are under way`)
      release()
      await eventually(() => client.status === 200, 'the answer', 30_000)
      assert.ok(seen.received >= HUGE)
      client.socket.destroy()
      await arena.settled()
    })

    test('clients that end or reset at every byte', async () => {
      const messages = [
        'POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
        'POST /never HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nabcde',
        'GET /ok HTTP/1.1\r\nhost: a\r\n\r\nGET /never HTTP/1.1\r\nhost: a\r\n\r\n',
      ]
      for (const message of messages) {
        const cuts = Array.from({ length: message.length + 1 }, (_, i) => i)
        await each(cuts, 8, async (cut) => {
          const resetting = await Raw.connect(arena.port, message.slice(0, cut))
          const ending = await Raw.connect(arena.port, message.slice(0, cut))
          await sleep(cut % 4)
          resetting.socket.resetAndDestroy()
          ending.socket.end()
          await ending.toEnd()
        })
      }
      await arena.settled()
    })

    test('a client that ends before the answer has its request given up', async () => {
      seen.gone = 0
      const client = await Raw.connect(arena.port, 'GET /never HTTP/1.1\r\nhost: a\r\n\r\n')
      await sleep(50)
      client.socket.end()
      await client.toEnd()
      assert.equal(client.text, '')
      await eventually(() => seen.gone === 1, 'the upstream connection to end')
      await arena.settled()
    })

    test('upstreams that end or reset at every byte', async () => {
      const bodyStart = RESPONSE.indexOf('\r\n\r\n') + HEAD_END
      const cuts = Array.from({ length: RESPONSE.length + 1 }, (_, i) => i)
      for (const how of ['cut-end', 'cut-reset']) {
        await each(cuts, 8, async (cut) => {
          const client = await Raw.connect(arena.port, `GET /${how}/${cut} HTTP/1.1\r\nhost: a\r\n\r\n`)
          const complete = cut === RESPONSE.length
          if (cut >= bodyStart && !complete) await client.toEnd()
          else await eventually(() => client.text.includes('\r\n\r\n'), `${how} ${cut}`)
          assert.equal(client.status, cut === 0 ? 503 : cut < bodyStart ? 502 : 200, `${how} ${cut}`)
          if (cut >= bodyStart) assert.equal(client.text.endsWith('0\r\n\r\n'), complete, `${how} ${cut}`)
          client.socket.destroy()
        })
      }
      await arena.settled()
    })

    test('upstreams that lie about the length', async () => {
      const bodyStart = LENGTH_RESPONSE.indexOf('\r\n\r\n') + HEAD_END
      for (let cut = bodyStart; cut < LENGTH_RESPONSE.length; cut++) {
        const client = await Raw.connect(arena.port, `GET /cut-length/${cut} HTTP/1.1\r\nhost: a\r\n\r\n`)
        const { text } = await client.toEnd()
        assert.equal(text.slice(text.indexOf('\r\n\r\n') + HEAD_END), LENGTH_RESPONSE.slice(bodyStart, cut))
      }
      // What was not asked for answers nobody: not on this connection, not on another.
      const request = 'GET /long HTTP/1.1\r\nhost: a\r\n\r\n'
      const clients = await Promise.all(Array.from({ length: 20 }, () => Raw.connect(arena.port, request.repeat(3))))
      for (const client of clients) {
        await eventually(() => client.text.split('abcde').length === 4, 'three answers')
        assert.ok(!client.text.includes('evil'))
        client.socket.destroy()
      }
      await arena.settled()
    })

    test('an upstream that answers before the request ends', async () => {
      for (const path of ['early', 'early-close']) {
        seen.gone = 0
        const head = `POST /${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 50000000\r\n\r\nabc`
        const client = await Raw.connect(arena.port, head)
        await client.toEnd()
        assert.equal(client.status, path === 'early' ? 200 : 413)
        assert.match(client.text, /\r\nconnection: close\r\n/)
        assert.match(client.text, path === 'early' ? /abcde$/ : /no$/)
        if (path === 'early') await eventually(() => seen.gone === 1, 'the upstream connection to end')
      }
      await arena.settled()
    })

    test('an upstream that never answers: 504 in time, and its connection is not used again', async () => {
      seen.gone = 0
      const clients = await Promise.all(
        Array.from({ length: 20 }, () => Raw.connect(arena.port, 'GET /never HTTP/1.1\r\nhost: a\r\n\r\n')),
      )
      for (const client of clients) {
        await eventually(() => client.status === 504, 'the answer')
        client.socket.destroy()
      }
      await eventually(() => seen.gone === 20, 'the upstream connections to end')
      await arena.settled()
    })
  })
}
