import assert from 'node:assert/strict'
import { connect } from 'node:http2'
import { test } from 'node:test'
import { cluster, eventually, get, httpListener, portOf, rawUpstream, testProxy } from '../testing.ts'

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

for (const [what, extra] of [
  [
    'use_downstream_protocol_config',
    `typed_extension_protocol_options:
  ${OPTIONS}: { "@type": type.googleapis.com/${OPTIONS}, use_downstream_protocol_config: { http2_protocol_options: {} } }`,
  ],
  ['protocol_selection', 'http2_protocol_options: {}\nprotocol_selection: USE_DOWNSTREAM_PROTOCOL'],
] as const) {
  test(`${what}: the upstream is spoken to as the client speaks`, async () => {
    const begun: string[] = []
    const up = await rawUpstream((socket) => {
      socket.once('data', (first) => {
        begun.push(first.toString('latin1', 0, 3))
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok')
      })
    })
    const proxy = await testProxy([httpListener({})], [cluster(up.port, extra)])
    const session = connect(`http://127.0.0.1:${portOf(proxy)}`)
    session.on('error', () => {})
    try {
      assert.equal((await get(portOf(proxy), '/')).body, 'ok')
      assert.deepEqual(begun, ['GET'])
      const stream = session.request({ ':path': '/' })
      stream.on('error', () => {})
      await eventually(() => begun.length === 2)
      assert.deepEqual(begun, ['GET', 'PRI'])
    } finally {
      session.destroy()
      await proxy.close(0)
      await up.close()
    }
  })
}
