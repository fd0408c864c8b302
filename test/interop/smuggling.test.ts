/**
 * Ambiguous messages through the proxy: whatever of them it forwards must be cut into the same requests by every server behind it.
 * The forwarded bytes are recorded as node:http reads them, then given to nginx and HAProxy.
 *
 * SLUICE_SMUGGLING=5000 node --test test/interop/smuggling.test.ts
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, createServer as createNetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ProxyHandle } from '../../src/proxy/index.ts'
import { cluster, httpListener, portOf, testProxy } from '../../src/proxy/testing.ts'
import { Chance } from '../fuzz/fuzz.ts'
import { haproxy, nginx } from '../peers/index.ts'

const NGINX = await nginx()
const HAPROXY = await haproxy()

const MESSAGES = Number(process.env['SLUICE_SMUGGLING'] ?? 600)

const LINES = [
  'POST / HTTP/1.1',
  'GET / HTTP/1.1',
  'POST  / HTTP/1.1',
  'POST / HTTP/1.0',
  'POST /\tHTTP/1.1',
  'POST http://b/ HTTP/1.1',
  'PUT / HTTP/1.1',
  'GET / HTTP/1.1\r\n x: y',
  'HEAD / HTTP/1.1',
  'POST / HTTP/1.1 ',
  'POST /?a=b#c HTTP/1.1',
  'OPTIONS * HTTP/1.1',
]
const LENGTHS = [
  'content-length: 5',
  'Content-Length: 0',
  'content-length:5',
  'content-length : 5',
  'content-length: +5',
  'content-length: 5, 5',
  'content-length: 05',
  'content-length: 0x5',
  'content-length: 5\r\ncontent-length: 6',
  'content-length: 5\r\ncontent-length: 5',
  'content-length:\t5 ',
  'content-length: 5\0',
  'content-length: 5;',
  'content_length: 5',
  'content-length: 5\n',
  'x: y\rcontent-length: 5',
  '\tcontent-length: 5',
  'content-length:\r\n 5',
  'content-length: 6 5',
  'content-length: -5',
  'content-length: 5.0',
  'content-length: "5"',
]
const CODINGS = [
  'transfer-encoding: chunked',
  'Transfer-Encoding: CHUNKED',
  'transfer-encoding:chunked',
  'transfer-encoding : chunked',
  'transfer-encoding: chunked, identity',
  'transfer-encoding: identity',
  'transfer-encoding: gzip, chunked',
  'transfer-encoding: x\r\ntransfer-encoding: chunked',
  'transfer-encoding: chunked\r\ntransfer-encoding: chunked',
  'transfer-encoding:\x0bchunked',
  'transfer-encoding: "chunked"',
  'transfer-encoding: chunked;a=b',
  'transfer-encoding:\r\n chunked',
  'transfer-encoding: chunked\x20',
  'transfer_encoding: chunked',
  'transfer-encoding\0: chunked',
  'x: y\ntransfer-encoding: chunked',
  'te: trailers',
  'transfer-encoding: ,chunked',
  'transfer-encoding: chunk',
  '\x20transfer-encoding: chunked',
  'transfer-encoding: \xa0chunked',
]
const OTHERS = [
  '',
  'connection: close',
  'connection: transfer-encoding',
  'connection: content-length',
  'expect: 100-continue',
  'upgrade: h2c\r\nconnection: upgrade, http2-settings',
  'connection: keep-alive',
  'host: b',
  'x-a: \xff',
  'x: y\r\n\r\n',
  'trailer: content-length',
]
const BODIES = [
  '',
  'hello',
  '0\r\n\r\n',
  '5\r\nhello\r\n0\r\n\r\n',
  '5\nhello\n0\n\n',
  '5;a=b\r\nhello\r\n0\r\n\r\n',
  '5;\n\r\nhello\r\n0\r\n\r\n',
  '05\r\nhello\r\n0\r\nx: y\r\n\r\n',
  '5\r\nhello0\r\n\r\n',
  '5 \r\nhello\r\n0\r\n\r\n',
  '0x5\r\nhello\r\n0\r\n\r\n',
  '5\r\nhello\r\n0\r\ncontent-length: 5\r\n\r\n',
  '-1\r\nhello\r\n0\r\n\r\n',
  '5\r\nhello\r\n0\r\n\rX',
  '5\rhello\r\n0\r\n\r\n',
  'ffffffffffffffff1\r\nhello\r\n0\r\n\r\n',
  '5\r\nhello\r\n00\r\n\r\n',
  '0\r\n\r\nGET /hidden HTTP/1.1\r\nhost: a\r\n\r\n',
  'GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n',
]
const ENDS = ['\r\n\r\n', '\r\n\r\n', '\r\n\r\n', '\n\n', '\r\n\n', '\r\r\n\n', '\n\r\n']
const LAST = 'GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'

/** Mostly the plain form (the first of each list), so that one oddity at a time gets far enough to be judged. */
function some(chance: Chance, list: readonly string[]): string {
  return chance.next(4) > 0 ? list[0] : chance.pick(list)
}

function message(chance: Chance): string {
  const headers = [chance.next(20) === 0 ? '' : 'host: a']
  const chunked = chance.next(2) > 0
  if (!chunked || chance.next(10) === 0) headers.push(some(chance, LENGTHS))
  if (chunked || chance.next(10) === 0) headers.push(some(chance, CODINGS))
  headers.push(some(chance, OTHERS))
  if (chance.next(4) === 0) headers.reverse()
  const body = chance.next(4) === 0 ? chance.pick(BODIES) : chunked ? '5\r\nhello\r\n0\r\n\r\n' : 'hello'
  const lines = [some(chance, LINES), ...headers.filter((line) => line !== '')]
  return lines.join('\r\n') + some(chance, ENDS) + body
}

/** Sends bytes; what came back when the peer closed, or was silent for a while. */
function send(port: number, bytes: string | Buffer, quietMs: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const done = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(text)
    }
    let timer = setTimeout(done, quietMs * 4)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      clearTimeout(timer)
      timer = setTimeout(done, quietMs)
    })
    socket.on('error', done)
    socket.on('close', done)
    if (typeof bytes === 'string') socket.write(bytes, 'latin1')
    else socket.write(bytes)
  })
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const worker = async () => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) await work(item)
  }
  await Promise.all(Array.from({ length: 32 }, worker))
}

async function freePort(): Promise<number> {
  const server = createNetServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** What one upstream connection carried, and how many requests node:http saw in it. */
interface Recorded {
  bytes: Buffer
  requests: number
  errors: number
}

describe('request smuggling', () => {
  const recorded: Recorded[] = []
  let upstream: Server
  let proxy: ProxyHandle
  let scratch: string
  const children: ChildProcess[] = []

  before(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'sluice-smuggling-'))
    const bySocket = new WeakMap<object, Recorded>()
    upstream = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      const record = bySocket.get(request.socket)
      if (record !== undefined) record.requests++
      request.resume()
      request.on('end', () => response.end('ok'))
    })
    upstream.on('clientError', (_error, socket) => {
      const record = bySocket.get(socket)
      if (record !== undefined) record.errors++
      socket.destroy()
    })
    upstream.on('connection', (socket) => {
      const record: Recorded = { bytes: Buffer.alloc(0), requests: 0, errors: 0 }
      bySocket.set(socket, record)
      recorded.push(record)
      socket.on('data', (chunk: Buffer) => {
        record.bytes = Buffer.concat([record.bytes, chunk])
      })
    })
    upstream.listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    proxy = await testProxy([httpListener({})], [cluster((upstream.address() as AddressInfo).port)])
    const chance = new Chance(20261121)
    const messages = Array.from({ length: MESSAGES }, () => message(chance))
    await inParallel(messages, async (text) => {
      await send(portOf(proxy), text + LAST, 60)
    })
  })

  after(async () => {
    await proxy.close(0)
    upstream.closeAllConnections()
    upstream.close()
    for (const child of children) child.kill('SIGKILL')
    rmSync(scratch, { recursive: true, force: true })
  })

  async function differences(port: number): Promise<string[]> {
    const found: string[] = []
    await inParallel(recorded, async ({ bytes, requests }) => {
      const answer = await send(port, bytes, 120)
      const good = answer.match(/HTTP\/1\.1 200/g)?.length ?? 0
      const refused = /HTTP\/1\.[01] [45]\d\d/.test(answer)
      // A server that refuses outright is not led astray; one that sees another number of requests is.
      if (refused ? good > requests : good !== requests)
        found.push(`${requests} requests, the peer saw ${good}: ${JSON.stringify(bytes.latin1Slice().slice(0, 600))}`)
    })
    return found
  }

  async function peer(program: string, args: readonly string[], port: number): Promise<void> {
    const child = spawn(program, args, { stdio: 'ignore' })
    children.push(child)
    for (let i = 0; i < 100; i++) {
      if ((await send(port, LAST, 100)).includes('200')) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`${program} does not answer`)
  }

  test('node:http takes all that the proxy forwards', () => {
    const total = recorded.reduce((sum, { requests }) => sum + requests, 0)
    assert.ok(total > MESSAGES / 10, `only ${total} requests were forwarded`)
    assert.deepEqual(
      recorded.filter(({ errors }) => errors > 0).map(({ bytes }) => bytes.latin1Slice()),
      [],
    )
    const hidden = recorded.filter(({ bytes }) =>
      /^(content-length|transfer-encoding)[^:\r\n]*[ \t]+:/im.test(bytes.latin1Slice()),
    )
    assert.deepEqual(
      hidden.map(({ bytes }) => bytes.latin1Slice()),
      [],
    )
  })

  test('nginx sees the same requests', { skip: NGINX.skip }, async () => {
    const port = await freePort()
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((kind) => `${kind}_temp_path ${scratch}/${kind};`)
      .join(' ')
    const conf = join(scratch, 'nginx.conf')
    writeFileSync(
      conf,
      `daemon off; master_process off; error_log /dev/null; pid ${scratch}/pid; events {} http { access_log off; keepalive_requests 100000; ${temporary} server { listen 127.0.0.1:${port}; location / { return 200 ok; } } }`,
    )
    await peer(NGINX.path, ['-p', scratch, '-c', conf], port)
    assert.deepEqual(await differences(port), [])
  })

  test('HAProxy sees the same requests', { skip: HAPROXY.skip }, async () => {
    const port = await freePort()
    const conf = join(scratch, 'haproxy.cfg')
    writeFileSync(
      conf,
      `defaults\n  mode http\n  timeout client 10s\n  timeout server 10s\n  timeout connect 1s\nfrontend f\n  bind 127.0.0.1:${port}\n  http-request return status 200 content-type text/plain string ok\n`,
    )
    await peer(HAPROXY.path, ['-db', '-f', conf], port)
    assert.deepEqual(await differences(port), [])
  })
})
