import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { ProxyHandle } from '../index.ts'
import { Authority, serverTls } from '../listener/testing.ts'
import { FILTERS, httpListener, portOf, testProxy } from '../testing.ts'

const INSPECTOR = `listener_filters: [{ name: tls, typed_config: { "@type": ${FILTERS}.listener.tls_inspector.v3.TlsInspector } }]`

describe('clients that end before their TLS handshake is over', () => {
  let proxy: ProxyHandle

  before(async () => {
    const pair = await (await new Authority().start()).issue([{ type: 'dns', value: 'a.example' }])
    const routes = '[{ match: { prefix: / }, direct_response: { status: 200 } }]'
    // Without a limit of time, as Envoy's default is.
    const chain = `transport_socket_connect_timeout: 0s\n  ${serverTls(pair)}`
    proxy = await testProxy(
      [
        httpListener({ name: 'direct', routes, chain }),
        httpListener({ name: 'inspected', routes, chain, listener: INSPECTOR }),
      ],
      [],
    )
  })

  after(() => proxy.close(0))

  for (const listener of ['direct', 'inspected']) {
    for (const [what, bytes] of [
      ['at once, as checks of a port do', ''],
      ['within their first record', '160301'],
    ] as const) {
      // Such a connection kept its socket until the time of the handshake was over, or for ever.
      test(`${what}, are let go: ${listener}`, { timeout: 5000 }, async () => {
        const socket = connect({ port: portOf(proxy, listener), host: '127.0.0.1', allowHalfOpen: true })
        await once(socket, 'connect')
        socket.resume().end(Buffer.from(bytes, 'hex'))
        await once(socket, 'end')
        assert.equal(socket.bytesRead, 0)
        socket.destroy()
      })
    }
  }
})
