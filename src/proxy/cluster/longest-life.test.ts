import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { describe, test } from 'node:test'
import { cluster, eventually, get, httpListener, portOf, rawUpstream, testProxy } from '../testing.ts'

const SHORT = (config: string) => `typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    common_http_protocol_options: { max_connection_duration: 0.05s }
    explicit_http_config: { ${config}: {} }`

const ADMIN = { admin: { host: '127.0.0.1', port: 0 } }

async function reached(admin: string | undefined): Promise<number> {
  const text = await (await fetch(`http://${admin}/stats?filter=max_duration_reached`)).text()
  return Number(/: (\d+)/.exec(text)?.[1] ?? 0)
}

// Envoy's ActiveClient::onConnectionDurationTimeout.
describe('max_connection_duration', () => {
  test('a request under way is finished, and its connection not used again; an idle one closes', async () => {
    const waiting: Socket[] = []
    const up = await rawUpstream((socket) => socket.on('data', () => waiting.push(socket)))
    const proxy = await testProxy([httpListener({})], [cluster(up.port, SHORT('http_protocol_options'))], ADMIN)
    const answer = () => waiting.shift()?.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
    try {
      const first = get(portOf(proxy), '/')
      await eventually(() => waiting.length === 1)
      await eventually(async () => (await reached(proxy.adminAddress)) === 1)
      answer()
      assert.equal((await first).status, 200)
      await eventually(() => up.sockets.size === 0)
      const second = get(portOf(proxy), '/')
      await eventually(() => waiting.length === 1)
      answer()
      assert.equal((await second).status, 200)
      await eventually(() => up.sockets.size === 0)
      await eventually(async () => (await reached(proxy.adminAddress)) === 2)
    } finally {
      await proxy.close(0)
      await up.close()
    }
  })

  test('of HTTP/2', async () => {
    const sessions = new Set<unknown>()
    const server = createServer()
    server.on('session', (session) => {
      sessions.add(session)
      session.on('close', () => sessions.delete(session))
    })
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200 })
      stream.end()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const proxy = await testProxy([httpListener({})], [cluster(port, SHORT('http2_protocol_options'))])
    try {
      for (let i = 0; i < 2; i++) {
        assert.equal((await get(portOf(proxy), '/')).status, 200)
        await eventually(() => sessions.size === 0)
      }
    } finally {
      await proxy.close(0)
      server.close()
    }
  })
})

test('of upstream filters only those without work are taken', async () => {
  const filter = (type: string) => `filters:
- name: f
  typed_config:
    "@type": type.googleapis.com/udpa.type.v1.TypedStruct
    type_url: type.googleapis.com/${type}
    value: { protocol: istio-peer-exchange }`
  const taken = await testProxy([], [cluster(1, filter('envoy.tcp.metadataexchange.config.MetadataExchange'))])
  await taken.close(0)
  await assert.rejects(testProxy([], [cluster(1, filter('some.other.Filter'))]), {
    message: /cluster "up"\.filters\[0\]: upstream filter some\.other\.Filter/,
  })
})
