import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { test } from 'node:test'
import { cluster, eventually, FILTERS, portOf, rawUpstream, testProxy } from '../../testing.ts'
import type { ClusterStatus } from '../../worker/protocol.ts'

function listener(more: string): string {
  return `
name: tcp
address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
filter_chains: [{ filters: [{ name: tcp, typed_config: { "@type": ${FILTERS}.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: up${more} } }] }]`
}

test('a limit that would not be kept is refused', async () => {
  const limited = listener(', access_log_flush_interval: 60s')
  await assert.rejects(testProxy([limited], [cluster(1)]), { message: /access_log_flush_interval/ })
  await (await testProxy([listener('')], [cluster(1)])).close(0)
})

test('an upstream that has said all still hears the client out', async () => {
  let heard = ''
  let ended = false
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.end('all')
    socket.on('data', (data) => {
      heard += data
    })
    socket.on('end', () => {
      ended = true
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = await testProxy([listener('')], [cluster((server.address() as AddressInfo).port)])
  try {
    const client = connect({ port: portOf(proxy, 'tcp'), host: '127.0.0.1', allowHalfOpen: true })
    let said = ''
    client.on('data', (data) => {
      said += data
    })
    await once(client, 'end')
    client.write('some ')
    await eventually(() => heard !== '')
    client.end('more')
    await once(client, 'close')
    await eventually(() => ended)
    assert.deepEqual([said, heard], ['all', 'some more'])
  } finally {
    await proxy.close(0)
    server.close()
  }
})

test('a client that goes before there is a connection is no failure of the host', async () => {
  // Its handshake never ends.
  const up = await rawUpstream((socket) => socket.resume())
  const tls = `transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext } }`
  const outliers = 'outlier_detection: { consecutive_5xx: 1, enforcing_consecutive_5xx: 100 }'
  const proxy = await testProxy([listener('')], [cluster(up.port, `${tls}\n${outliers}`)])
  try {
    const client = connect(portOf(proxy, 'tcp'), '127.0.0.1')
    await eventually(() => up.sockets.size === 1)
    client.resetAndDestroy()
    await eventually(() => up.sockets.size === 0)
    const [[{ connections, hosts }]] = await proxy.workers.query<ClusterStatus[]>('clusters')
    assert.deepEqual([connections, hosts.map(({ healthFlags }) => healthFlags)], [0, [0]])
  } finally {
    await proxy.close(0)
    await up.close()
  }
})

test('a client that does not read is given up when it is idle', async () => {
  const up = await rawUpstream((socket) => {
    socket.write(Buffer.alloc(8 * 1024 * 1024))
    socket.resume()
  })
  const proxy = await testProxy([listener(', idle_timeout: 0.3s')], [cluster(up.port)], {
    admin: { host: '127.0.0.1', port: 0 },
  })
  const client = connect(portOf(proxy, 'tcp'), '127.0.0.1').on('error', () => {})
  client.pause()
  try {
    const stat = async (of: string) => {
      const stats = await fetch(`http://${proxy.adminAddress}/stats?filter=${of}$`)
      return Number((await stats.text()).split(': ')[1])
    }
    await eventually(() => up.sockets.size === 1)
    await eventually(async () => (await stat('tcp.t.idle_timeout')) === 1, 'the timeout', 5000)
    await eventually(async () => (await stat('_0.downstream_cx_active')) === 0, 'the end', 5000)
    await eventually(() => up.sockets.size === 0)
  } finally {
    client.destroy()
    await proxy.close(0)
    await up.close()
  }
})

test('a tunnel that there is no room for is not tried again and again', async () => {
  const up = await rawUpstream(() => {})
  const tunnel = listener(', max_connect_attempts: 1000000, tunneling_config: { hostname: "a:1" }')
  const breaker = 'circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] }'
  const proxy = await testProxy([tunnel], [cluster(up.port, breaker)])
  try {
    const client = connect(portOf(proxy, 'tcp'), '127.0.0.1').on('error', () => {})
    client.resume()
    await new Promise((resolve) => client.on('close', resolve))
    const [[{ requests, pending, hosts }]] = await proxy.workers.query<ClusterStatus[]>('clusters')
    assert.deepEqual([requests, pending, hosts[0].active], [0, 0, 0])
  } finally {
    await proxy.close(0)
    await up.close()
  }
})
