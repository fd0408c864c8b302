/** Tunnels through upstreams that do what they should not: what the client gets, and that nothing of them is left. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { ProxyHandle } from '../../index.ts'
import { cluster, eventually, FILTERS, H2_UPSTREAM, portOf, rawUpstream, testProxy } from '../../testing.ts'
import type { ClusterStatus } from '../../worker/protocol.ts'

function listener(name: string, tunneling = ''): string {
  return `
name: ${name}
address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
filter_chains: [{ filters: [{ name: tcp, typed_config: { "@type": ${FILTERS}.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: up, idle_timeout: 0.4s, tunneling_config: { hostname: "there:1"${tunneling} } } }] }]`
}

/** Says something, and returns what comes until the proxy closes. */
async function speak(port: number, then?: (socket: Socket) => void): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let got = ''
  socket.on('error', () => {})
  socket.on('data', (data) => {
    got += data
  })
  socket.on('end', () => socket.end())
  socket.write('hello')
  then?.(socket)
  await new Promise((resolve) => socket.on('close', resolve))
  return got
}

async function atRest(proxy: ProxyHandle, connections: number): Promise<void> {
  await eventually(async () => {
    const [[{ hosts, ...all }]] = await proxy.workers.query<ClusterStatus[]>('clusters')
    return all.pending + all.requests + hosts[0].active === 0 && all.connections <= connections
  }, 'rest')
}

const OK = 'HTTP/1.1 200 OK\r\n'
/** What the upstream says, whether it then ends, and what the client gets of it. */
const ANSWERS: Readonly<Record<string, [answer: string, ends: boolean, got: string, post?: boolean]>> = {
  'refused without a body': ['HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n', false, ''],
  'refused without a length': ['HTTP/1.1 403 No\r\n\r\n', false, ''],
  'nothing to be had': ['HTTP/1.1 204 No\r\n\r\n', false, '', true],
  'refused after 100': ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n', false, ''],
  'only hints': ['HTTP/1.1 103 Hints\r\n\r\n'.repeat(20), false, ''],
  'another protocol': ['HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n', true, ''],
  'no HTTP': ['SSH-2.0-x\r\n', false, ''],
  'a tunnel with a length': [`${OK}content-length: 3\r\n\r\nall of it`, true, 'all of it'],
  'a tunnel with a coding': [`${OK}transfer-encoding: chunked\r\n\r\nall of it`, true, 'all of it'],
  'a tunnel after a hint': [`HTTP/1.1 103 Hints\r\n\r\n${OK}\r\nall`, true, 'all'],
  'POST with a length': [`${OK}content-length: 3\r\n\r\nall`, false, 'all', true],
  'POST with chunks': [`${OK}transfer-encoding: chunked\r\n\r\n3\r\nall\r\n0\r\n\r\n`, false, 'all', true],
  'POST with wrong chunks': [`${OK}transfer-encoding: chunked\r\n\r\n3\r\nall\r\nx\r\n`, false, '', true],
  'POST with a second answer': [`${OK}content-length: 3\r\n\r\nall${OK}\r\n`, false, 'all', true],
  'POST without a length': [`${OK}\r\nall`, true, 'all', true],
}

describe('tunnels over HTTP/1.1', () => {
  let proxy: ProxyHandle
  let up: Awaited<ReturnType<typeof rawUpstream>>
  let onRequest: (socket: Socket) => void

  before(async () => {
    up = await rawUpstream((socket) => socket.once('data', () => onRequest(socket)).on('end', () => socket.end()))
    proxy = await testProxy([listener('connect'), listener('post', ', use_post: true')], [cluster(up.port)])
  })

  after(async () => {
    await proxy.close(0)
    await up.close()
  })

  for (const [name, [answer, ends, got, post]] of Object.entries(ANSWERS))
    test(name, async () => {
      onRequest = (socket) => (ends ? socket.end(answer) : socket.write(answer))
      assert.equal(await speak(portOf(proxy, post === true ? 'post' : 'connect')), got)
      // Of a POST that is complete on both sides the connection stays.
      await atRest(proxy, got === '' || post !== true ? 0 : 1)
      for (const socket of up.sockets) socket.destroy()
      await atRest(proxy, 0)
    })

  for (const [name, answer] of [
    ['before there is an answer', ''],
    ['in a tunnel', `${OK}\r\n`],
    ['when the upstream has said all', `${OK}content-length: 3\r\n\r\nall`],
  ])
    for (const way of ['resetAndDestroy', 'end'] as const)
      for (const kind of ['connect', 'post'])
        test(`a client goes ${name}: ${way}, ${kind}`, async () => {
          let client: Socket | undefined
          onRequest = (socket) => {
            if (answer !== '') socket.write(answer)
            setTimeout(() => client?.[way](), 20)
          }
          await speak(portOf(proxy, kind), (socket) => {
            client = socket
          })
          await atRest(proxy, kind === 'post' ? 1 : 0)
          for (const socket of up.sockets) socket.destroy()
          await atRest(proxy, 0)
        })
})

type Handle = (stream: ServerHttp2Stream, session: ServerHttp2Session) => void

const STREAMS: Readonly<Record<string, [handle: Handle, got: string]>> = {
  'refused without a body': [(stream) => stream.respond({ ':status': 403 }, { endStream: true }), ''],
  'refused with a body': [(stream) => says(stream, 403), ''],
  'accepted and ended': [(stream) => stream.respond({ ':status': 200 }, { endStream: true }), ''],
  reset: [(stream) => stream.close(2), ''],
  'reset in the tunnel': [(stream) => says(stream, 200, () => setTimeout(() => stream.close(2), 20)), 'all'],
  'said to be the last': [
    (stream, session) => {
      session.goaway(0)
      says(stream, 200)
    },
    'all',
  ],
  'a connection that is gone': [(_, session) => session.destroy(), ''],
  'ended by trailers': [
    (stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ a: 'b' })).end('all')
    },
    'all',
  ],
}

function says(stream: ServerHttp2Stream, status: number, then?: () => void): void {
  stream.respond({ ':status': status })
  if (then === undefined) stream.end('all')
  else stream.write('all', then)
}

describe('tunnels over HTTP/2', () => {
  const server = createServer()
  let handle: Handle
  let streams = 0
  let proxy: ProxyHandle

  before(async () => {
    server.on('session', (session) => session.on('error', () => {}))
    server.on('stream', (stream) => {
      streams++
      stream
        .on('close', () => streams--)
        .on('error', () => {})
        .resume()
      handle(stream, stream.session as ServerHttp2Session)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    proxy = await testProxy([listener('connect')], [cluster((server.address() as AddressInfo).port, H2_UPSTREAM)])
  })

  after(async () => {
    await proxy.close(0)
    server.close()
  })

  for (const [name, [how, got]] of Object.entries(STREAMS))
    for (const ends of [false, true])
      test(`${name}${ends ? '; the client has ended' : ''}`, async () => {
        handle = how
        assert.equal(await speak(portOf(proxy, 'connect'), ends ? (socket) => socket.end() : undefined), got)
        await eventually(() => streams === 0, 'the end of the stream')
        await atRest(proxy, 1)
      })
})
