import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { ProxyHandle } from '../../../src/proxy/index.ts'
import { cluster, httpListener, portOf, testProxy } from '../../../src/proxy/testing.ts'
import { apache, haproxy, nginx } from '../../peers/index.ts'
import { ambiguous, random } from './generate.ts'
import { apacheReader, haproxyReader, nginxReader, nodeReader, type Reader, understood } from './readers.ts'

const COUNT = Number(process.env['SMUGGLING_COUNT'] ?? 5000)
const SEED = Number(process.env['SMUGGLING_SEED'] ?? 1)
const AT_ONCE = 48
/** What a length cuts off may begin with a method of its own («ET /hidden»), which readers refuse whatever its end. */
const KNOWN =
  '[{ match: { prefix: /, headers: [{ name: ":method", string_match: { safe_regex: { regex: "GET|HEAD|POST|PUT|DELETE|OPTIONS" } } }] }, route: { cluster: up } }]'
const [webServer, balancer, apachePeer] = [await nginx(), await haproxy(), await apache()]

describe(`${COUNT} ambiguous messages, seed ${SEED}`, () => {
  /** What the proxy sent on each connection to the upstream. */
  const forwarded: string[] = []
  const sockets = new Set<Socket>()
  let proxy: ProxyHandle
  let node: Reader
  /** How our own messages were understood by node, by connection. */
  let boundaries: string[][] = []
  let [accepted, refused] = [0, 0]

  /** Keeps the bytes and lets node answer them. */
  const recorder = createServer((socket) => {
    const at = forwarded.push('') - 1
    const answerer = connect(node.port, '127.0.0.1')
    for (const one of [socket, answerer]) {
      sockets.add(one)
      one.on('error', () => {})
    }
    socket.on('data', (data) => {
      forwarded[at] += data.toString('latin1')
      answerer.write(data)
    })
    answerer.on('data', (data) => socket.write(data))
    socket.on('close', () => answerer.destroy())
    answerer.on('close', () => socket.destroy())
  })

  before(async () => {
    node = await nodeReader()
    recorder.listen(0, '127.0.0.1')
    await once(recorder, 'listening')
    const extra = 'common_http_protocol_options: { max_requests_per_connection: 40 }'
    const hcm = 'http_protocol_options: { accept_http_10: true, default_host_for_http_10: a, enable_trailers: true }'
    const up = `typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, ${extra}, explicit_http_config: { http_protocol_options: { enable_trailers: true } } } }`
    proxy = await testProxy(
      [httpListener({ hcm, routes: KNOWN })],
      [cluster((recorder.address() as AddressInfo).port, up)],
    )
    const pick = random(SEED)
    const waiting = Array.from({ length: COUNT }, (_, i) => ambiguous(pick, i))
    const port = portOf(proxy)
    const next = async () => {
      for (let bytes = waiting.pop(); bytes !== undefined; bytes = waiting.pop()) {
        if ((await send(port, bytes)) === 2) accepted++
        else refused++
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
    boundaries = await Promise.all(forwarded.map(async (bytes) => understood(node.port, bytes, marks(bytes))))
  })

  after(async () => {
    await proxy.close(0)
    for (const socket of sockets) socket.destroy()
    recorder.close()
    await node.stop()
  })

  test('some messages are forwarded and many are refused', (context) => {
    context.diagnostic(`${accepted} forwarded, ${refused} refused, on ${forwarded.length} connections`)
    assert.equal(accepted + refused, COUNT)
    assert.ok(accepted > COUNT / 50 && refused > COUNT / 10, `${accepted} forwarded, ${refused} refused`)
  })

  test('node:http finds no message that it must refuse in what is forwarded', () => {
    const refusals = forwarded.filter((_, i) => boundaries[i].some((seen) => seen.startsWith('status')))
    assert.deepEqual(refusals, [])
  })

  test('node:http sees as many messages as the proxy has sent', () => {
    for (const [i, bytes] of forwarded.entries()) {
      // Each head that the proxy writes has this field; what is hidden in bodies has not.
      const sent = bytes.match(/\r\nx-request-id: /g)?.length ?? 0
      // The last one may be unfinished: its client went away.
      assert.ok(boundaries[i].length === sent || boundaries[i].length === sent - 1, bytes)
    }
  })

  for (const [name, peer, start] of [
    ['nginx', webServer, nginxReader],
    ['HAProxy', balancer, haproxyReader],
    ['Apache', apachePeer, apacheReader],
  ] as const) {
    test(`${name} sees the same messages as node:http`, { skip: peer.skip }, async () => {
      const reader = await start(peer.path, node.port)
      try {
        const differences: unknown[] = []
        const waiting = [...forwarded.entries()]
        const next = async () => {
          for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
            const [i, bytes] = one
            const seen = await understood(reader.port, bytes, boundaries[i].length)
            if (JSON.stringify(seen) !== JSON.stringify(boundaries[i])) {
              differences.push({ bytes, [name]: seen, node: boundaries[i] })
            }
          }
        }
        await Promise.all(Array.from({ length: AT_ONCE }, next))
        assert.deepEqual(differences.slice(0, 3), [])
      } finally {
        await reader.stop()
      }
    })
  }
})

/** Request lines that the proxy has written, hidden ones in bodies included: what a reader sees at most. */
function marks(bytes: string): number {
  return bytes.match(/^[A-Za-z]+ \S+ HTTP\/1\.1\r$/gm)?.length ?? 0
}

/** Sends a message; the class of the first final status, or 0 when there is none. */
function send(port: number, bytes: string): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const timer = setTimeout(done, 150)
    function done(): void {
      clearTimeout(timer)
      socket.destroy()
      resolve(Number(/HTTP\/1\.1 ([2-5])/.exec(text)?.[1] ?? 0))
    }
    socket.on('data', (data) => {
      text += data.toString('latin1')
      if (/HTTP\/1\.1 [4-5]/.test(text)) done()
    })
    socket.on('error', done)
    socket.on('close', done)
    // Not ended: like Envoy, the proxy takes a client that ends for one that has gone.
    socket.on('connect', () => socket.write(bytes, 'latin1'))
  })
}
