import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cluster, eventually, get, httpListener, portOf, rawUpstream, testProxy } from '../testing.ts'

const LIMIT = 'circuit_breakers: { thresholds: [{ max_connections: 3 }] }'
// Each client has connections to the upstream of its own.
const OWN = `transport_socket:
  name: proxy
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport
    config: { version: V1 }
    transport_socket: { name: raw, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer } }`

describe('connections that only some requests may use', () => {
  test('go for those of other requests at the limit, though no pool has more than one', async () => {
    const up = await rawUpstream((socket) =>
      socket.on('data', (data) => {
        if (data.includes('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      }),
    )
    const proxy = await testProxy([httpListener({})], [cluster(up.port, `${LIMIT}\n${OWN}`)])
    try {
      for (let i = 0; i < 10; i++) assert.equal((await get(portOf(proxy))).body, 'ok')
      await eventually(() => up.sockets.size <= 3)
    } finally {
      await proxy.close(0)
      await up.close()
    }
  })
})
