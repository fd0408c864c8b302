import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import type { StatsSnapshot } from '../stats/store.ts'
import {
  cluster,
  eventually,
  FILTERS,
  get,
  httpListener,
  portOf,
  rawUpstream,
  testProxy,
  upstream,
} from '../testing.ts'
import { Authority, inline, serverTls, TLS } from './testing.ts'

const SOCKET = 'type.googleapis.com/envoy.extensions.transport_sockets'
const RAW = `transport_socket: { name: t, typed_config: { "@type": ${SOCKET}.internal_upstream.v3.InternalUpstreamTransport, transport_socket: { name: raw, typed_config: { "@type": ${SOCKET}.raw_buffer.v3.RawBuffer } } } }`

function internalCluster(name: string, listener: string, extra = RAW): string {
  return `
name: ${name}
type: STATIC
connect_timeout: 1s
load_assignment: { cluster_name: ${name}, endpoints: [{ lb_endpoints: [{ endpoint: { address: { envoy_internal_address: { server_listener_name: ${listener}, endpoint_id: a } } } }] }] }
${extra}
`
}

function internal(listener: string): string {
  return listener.replace(/address: \{ socket_address: .*\}\n/, 'internal_listener: {}\n')
}

function tcp(name: string, to: string): string {
  return `
name: ${name}
address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
filter_chains:
- filters:
  - { name: tcp, typed_config: { "@type": ${FILTERS}.network.tcp_proxy.v3.TcpProxy, stat_prefix: ${name}, cluster: ${to} } }
`
}

const to = (name: string) => `[{ match: { prefix: / }, route: { cluster: ${name} } }]`

describe('internal listeners', () => {
  test('HTTP to an internal listener, and from there to the upstream', async () => {
    const up = await upstream()
    const proxy = await testProxy(
      [httpListener({ routes: to('in') }), internal(httpListener({ name: 'inner', hcm: 'via: inner' }))],
      [internalCluster('in', 'inner'), cluster(up.port)],
    )
    try {
      for (let i = 0; i < 3; i++) {
        const answer = await get(portOf(proxy), '/a', { method: 'POST', body: 'x'.repeat(300_000) })
        assert.equal(answer.status, 200)
        const seen = JSON.parse(answer.body)
        assert.equal(seen.body.length, 300_000)
        assert.equal(seen.headers.via, 'inner')
      }
      const [{ counters }] = await proxy.workers.query<StatsSnapshot>('stats')
      assert.equal(counters['cluster.in.upstream_rq_total'], 3)
      assert.deepEqual(
        proxy.listeners().map(({ name }) => name),
        ['web'],
      )
    } finally {
      await proxy.close(0)
      await up.close()
    }
  })

  test('bytes through two of them, both ways, half closed', async () => {
    const up = await rawUpstream((socket) => {
      socket.on('data', (data) => socket.write(data))
      socket.on('end', () => socket.end('bye'))
    })
    const proxy = await testProxy(
      [tcp('web', 'in1'), internal(tcp('one', 'in2')), internal(tcp('two', 'up'))],
      [internalCluster('in1', 'one'), internalCluster('in2', 'two', ''), cluster(up.port)],
    )
    try {
      const socket = connect({ port: portOf(proxy), host: '127.0.0.1', allowHalfOpen: true })
      let text = ''
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk
      })
      socket.write('hello ')
      await eventually(() => text === 'hello ')
      socket.end()
      await eventually(() => text === 'hello bye')
      socket.destroy()
    } finally {
      await proxy.close(0)
      await up.close()
    }
  })

  test('a reader that stands still stops the writer through the pipe', async () => {
    const up = await rawUpstream((socket) => socket.pause())
    const proxy = await testProxy(
      [tcp('web', 'in'), internal(tcp('inner', 'up'))],
      [internalCluster('in', 'inner'), cluster(up.port)],
    )
    const socket = connect(portOf(proxy), '127.0.0.1')
    socket.on('error', () => {})
    try {
      let before = -1
      const chunk = Buffer.alloc(64 * 1024)
      let written = 0
      const more = () => {
        while (written < 512 * 1024 * 1024) {
          written += chunk.length
          if (!socket.write(chunk)) return
        }
      }
      socket.on('drain', more)
      more()
      await eventually(async () => {
        await new Promise((resolve) => setTimeout(resolve, 200))
        const still = written === before
        before = written
        return still
      })
      assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken`)
    } finally {
      socket.destroy()
      await proxy.close(0)
      await up.close()
    }
  })

  test('a chain that comes back to itself ends with an error', async () => {
    const proxy = await testProxy(
      [httpListener({ routes: to('in') }), internal(httpListener({ name: 'loop', routes: to('in') }))],
      [internalCluster('in', 'loop')],
    )
    try {
      const answer = await get(portOf(proxy))
      assert.equal(answer.status, 503)
      assert.match(answer.body, /remote connection failure/)
      const [{ counters }] = await proxy.workers.query<StatsSnapshot>('stats')
      assert.equal(counters['cluster.in.upstream_cx_connect_fail'], 1)
      assert.equal(counters['cluster.in.upstream_cx_total'], 17)
    } finally {
      await proxy.close(0)
    }
  })

  test('a listener that is not there is a failure to connect', async () => {
    const proxy = await testProxy([httpListener({ routes: to('in') })], [internalCluster('in', 'nobody')])
    try {
      const answer = await get(portOf(proxy))
      assert.equal(answer.status, 503)
      assert.match(answer.body, /remote connection failure/)
    } finally {
      await proxy.close(0)
    }
  })

  test('HTTP/2 over the pipe', async () => {
    const up = await upstream()
    const http2 = `${RAW}\nhttp2_protocol_options: {}`
    const proxy = await testProxy(
      [httpListener({ routes: to('in') }), internal(httpListener({ name: 'inner' }))],
      [internalCluster('in', 'inner', http2), cluster(up.port)],
    )
    try {
      const answers = await Promise.all(Array.from({ length: 5 }, () => get(portOf(proxy), '/x')))
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200, 200, 200, 200],
      )
    } finally {
      await proxy.close(0)
      await up.close()
    }
  })

  test('TLS over the pipe, both ends verified', async () => {
    const up = await upstream()
    const authority = await new Authority().start()
    const [server, client] = await Promise.all([
      authority.issue([{ type: 'dns', value: 'inner.example' }]),
      authority.issue([{ type: 'url', value: 'spiffe://cluster.local/ns/a/sa/b' }]),
    ])
    const ca = `validation_context: { trusted_ca: ${inline(authority.pem)} }`
    const tls = `{ name: tls, typed_config: { "@type": ${TLS}.UpstreamTlsContext, sni: inner.example, common_tls_context: { tls_certificates: [{ certificate_chain: ${inline(client.cert)}, private_key: ${inline(client.key)} }], ${ca} } } }`
    const socket = `transport_socket: { name: t, typed_config: { "@type": ${SOCKET}.internal_upstream.v3.InternalUpstreamTransport, transport_socket: ${tls} } }`
    const inner = httpListener({
      name: 'inner',
      chain: serverTls(server, `, ${ca}`),
      hcm: 'forward_client_cert_details: SANITIZE_SET\nset_current_client_cert_details: { uri: true }',
    })
    const proxy = await testProxy(
      [httpListener({ routes: to('in') }), internal(inner)],
      [internalCluster('in', 'inner', socket), cluster(up.port)],
    )
    try {
      const answer = await get(portOf(proxy), '/', { method: 'POST', body: 'y'.repeat(200_000) })
      assert.equal(answer.status, 200)
      const seen = JSON.parse(answer.body)
      assert.equal(seen.body.length, 200_000)
      assert.match(seen.headers['x-forwarded-client-cert'], /URI=spiffe:\/\/cluster.local\/ns\/a\/sa\/b/)
    } finally {
      await proxy.close(0)
      await up.close()
    }
  })

  test('an address beside internal_listener is refused', async () => {
    const listener = httpListener({ listener: 'internal_listener: {}' })
    await assert.rejects(testProxy([listener], [cluster(1)]), /listener "web"\.address: an internal listener has none/)
  })

  for (const check of ['http_health_check: { path: / }', 'tcp_health_check: {}']) {
    test(`${check} asks an internal listener again and again`, async () => {
      const up = await upstream()
      const often = `health_checks: [{ timeout: 1s, interval: 0.01s, no_traffic_interval: 0.01s, unhealthy_threshold: 1, healthy_threshold: 1, ${check} }]`
      const proxy = await testProxy(
        [httpListener({ routes: to('in') }), internal(httpListener({ name: 'inner' }))],
        [internalCluster('in', 'inner', `${RAW}\n${often}`), cluster(up.port)],
      )
      try {
        await eventually(async () => {
          const [stats] = await proxy.workers.query<StatsSnapshot>('stats')
          return Number(stats?.counters['cluster.in.health_check.success']) > 3
        })
        assert.equal((await get(portOf(proxy), '/')).status, 200)
        assert.equal(proxy.workers.restarts, 0)
      } finally {
        await proxy.close(0)
        await up.close()
      }
    })
  }
})
