import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectH2 } from 'node:http2'
import { createServer as createHttps, request } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { TypeUrl } from '../../xds/index.ts'
import { type ProxyHandle, startProxy } from '../index.ts'
import {
  anyYaml,
  cluster,
  clusterAny,
  eventually,
  exchange,
  FILTERS,
  get,
  httpListener,
  listenerAny,
  portOf,
  type Running,
  rawUpstream,
  TestControl,
  testProxy,
  upstream,
} from '../testing.ts'
import { Authority, inline, type Pair, serverTls, TLS } from './testing.ts'

/** A listener whose chains are told apart by what the client says. */
function chains(
  name: string,
  list: readonly { match: string; tls?: string; answer: string; filters?: string }[],
): string {
  return `
name: ${name}
address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
listener_filters: [{ name: tls, typed_config: { "@type": ${FILTERS}.listener.tls_inspector.v3.TlsInspector } }]
filter_chains:
${list
  .map(
    ({ match, tls, answer }) => `- filter_chain_match: ${match}
  ${tls ?? '{}'.replace('{}', 'name: plain')}
  filters:
  - name: hcm
    typed_config:
      "@type": ${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager
      stat_prefix: ${name}
      forward_client_cert_details: SANITIZE_SET
      set_current_client_cert_details: { uri: true, subject: true }
      route_config: { virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: /up }, route: { cluster: up } }, { match: { prefix: / }, direct_response: { status: 200, body: { inline_string: ${answer} } } }] }] }
      http_filters: [{ name: router, typed_config: { "@type": ${FILTERS}.http.router.v3.Router } }]`,
  )
  .join('\n')}`
}

function https(port: number, options: Record<string, unknown> = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port, path: '/', agent: false, rejectUnauthorized: false, ...options },
      (response) => {
        let body = ''
        response.on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      },
    )
    call.on('error', reject)
    call.end()
  })
}

describe('listeners', () => {
  let authority: Authority
  let proxy: ProxyHandle
  let up: Running
  let secure: ReturnType<typeof createHttps>
  let echo: Running
  let pairs: Readonly<Record<'one' | 'two' | 'client' | 'upstream', Pair>>

  before(async () => {
    authority = await new Authority().start()
    pairs = {
      one: await authority.issue([{ type: 'dns', value: 'one.example' }]),
      two: await authority.issue([{ type: 'dns', value: '*.two.example' }]),
      client: await authority.issue([{ type: 'url', value: 'spiffe://cluster.local/ns/a/sa/b' }]),
      upstream: await authority.issue([{ type: 'dns', value: 'inside.example' }]),
    }
    up = await upstream()
    secure = createHttps(
      { ...pairs.upstream, requestCert: true, ca: authority.pem, rejectUnauthorized: true },
      (_, response) => response.end('secret'),
    )
    secure.listen(0, '127.0.0.1')
    await once(secure, 'listening')
    echo = await rawUpstream((socket) => {
      socket.on('data', (chunk) => socket.write(chunk))
      socket.on('end', () => socket.end())
    })
    const alpn = 'alpn_protocols: [h2, http/1.1], '
    const ca = `, validation_context: { trusted_ca: ${inline(authority.pem)}, match_typed_subject_alt_names: [{ san_type: URI, matcher: { prefix: "spiffe://cluster.local/" } }] }`
    const upstreamTls = (name: string) =>
      `transport_socket: { name: tls, typed_config: { "@type": ${TLS}.UpstreamTlsContext, sni: inside.example, common_tls_context: { tls_certificates: [{ certificate_chain: ${inline(pairs.client.cert)}, private_key: ${inline(pairs.client.key)} }], validation_context: { trusted_ca: ${inline(authority.pem)}, match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: ${name} } }] } } } }`
    const tcp = (name: string, before = '', listener = '') => `
name: ${name}
address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
${listener}
filter_chains: [{ filters: [${before}{ name: tcp, typed_config: { "@type": ${FILTERS}.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: echo } }] }]`
    const rbac = (rules: string) =>
      `{ name: rbac, typed_config: { "@type": ${FILTERS}.network.rbac.v3.RBAC, stat_prefix: r, rules: ${rules} } }, `
    const allow =
      '{ policies: { all: { permissions: [{ any: true }], principals: [{ remote_ip: { address_prefix: 127.0.0.0, prefix_len: 8 } }] } } }'
    const port = (secure.address() as AddressInfo).port
    const proxied = `listener_filters: [{ name: pp, typed_config: { "@type": ${FILTERS}.listener.proxy_protocol.v3.ProxyProtocol } }]`
    const behind = httpListener({ name: 'behind', hcm: 'use_remote_address: true' })
      .replace('  filters:\n', `  filters:\n  - ${rbac(allow).slice(0, -2)}\n`)
      .replace('- filters:\n', `- filters:\n  - ${rbac(allow).slice(0, -2)}\n`)
    proxy = await testProxy(
      [
        chains('sni', [
          { match: '{ server_names: [one.example] }', tls: serverTls(pairs.one, '', alpn), answer: 'one' },
          { match: '{ server_names: ["*.two.example"] }', tls: serverTls(pairs.two), answer: 'two' },
          { match: '{ transport_protocol: raw_buffer }', answer: 'plain' },
        ]),
        chains('mtls', [{ match: '{}', tls: serverTls(pairs.one, ca), answer: 'mutual' }]),
        httpListener({
          name: 'upstreams',
          routes:
            '[{ match: { prefix: /good }, route: { cluster: good } }, { match: { prefix: /bad }, route: { cluster: bad } }]',
        }),
        tcp('tcp'),
        tcp('tcp-allowed', rbac(`${allow}, shadow_rules: {}, shadow_rules_stat_prefix: dry`)),
        tcp('tcp-denied', rbac('{}')),
        httpListener({ name: 'proxied', listener: proxied, hcm: 'use_remote_address: true' }),
        behind,
      ],
      [
        cluster(up.port),
        cluster(port, upstreamTls('inside.example'), 'good'),
        cluster(port, upstreamTls('other.example'), 'bad'),
        cluster(echo.port, '', 'echo'),
      ],
    )
  })

  after(async () => {
    await proxy.close(0)
    await up.close()
    await echo.close()
    secure.closeAllConnections()
    secure.close()
  })

  test('chains by server name and transport, certificates of their own', async () => {
    const port = portOf(proxy, 'sni')
    assert.equal(
      (await https(port, { servername: 'one.example', ca: authority.pem, rejectUnauthorized: true })).body,
      'one',
    )
    assert.equal(
      (await https(port, { servername: 'a.two.example', ca: authority.pem, rejectUnauthorized: true })).body,
      'two',
    )
    assert.equal((await get(port)).body, 'plain')
    await assert.rejects(https(port, { servername: 'three.example' }), 'no chain takes it')
  })

  test('h2 by ALPN', async () => {
    const session = connectH2('https://one.example', {
      createConnection: () =>
        connectTls({
          port: portOf(proxy, 'sni'),
          host: '127.0.0.1',
          servername: 'one.example',
          ca: authority.pem,
          ALPNProtocols: ['h2'],
        }),
    })
    const stream = session.request({ ':path': '/' })
    let body = ''
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk
    })
    await once(stream, 'close')
    session.close()
    assert.equal(body, 'one')
  })

  test('a ClientHello that comes byte by byte', async () => {
    const socket = connect(portOf(proxy, 'sni'), '127.0.0.1')
    const tls = connectTls({ socket, servername: 'one.example', rejectUnauthorized: false })
    const write = socket.write.bind(socket)
    socket.write = ((chunk: Buffer, ...rest: unknown[]) => {
      if (!Buffer.isBuffer(chunk)) return write(chunk as never, ...(rest as []))
      for (const byte of chunk) write(Buffer.from([byte]))
      const done = rest.at(-1)
      if (typeof done === 'function') done()
      return true
    }) as typeof socket.write
    await once(tls, 'secureConnect')
    tls.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    const [chunk] = await once(tls, 'data')
    assert.match(String(chunk), /^HTTP\/1\.1 200/)
    tls.destroy()
  })

  test('mutual TLS: without, with a stranger’s, with a good certificate', async () => {
    const port = portOf(proxy, 'mtls')
    await assert.rejects(https(port))
    await assert.rejects(https(port, { ...pairs.two }))
    assert.equal((await https(port, { ...pairs.client })).body, 'mutual')
    const seen = JSON.parse((await https(port, { ...pairs.client, path: '/up' })).body)
    assert.match(
      seen.headers['x-forwarded-client-cert'],
      /^Hash=[0-9a-f]{64};Subject=".*";URI=spiffe:\/\/cluster\.local\/ns\/a\/sa\/b$/,
    )
  })

  test('TLS to upstreams, whose names are checked', async () => {
    const port = portOf(proxy, 'upstreams')
    assert.equal((await get(port, '/good')).body, 'secret')
    assert.equal((await get(port, '/bad')).status, 503)
  })

  test('tcp_proxy, with half-close; behind network RBAC', async () => {
    for (const name of ['tcp', 'tcp-allowed']) {
      const socket = connect(portOf(proxy, name), '127.0.0.1')
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.end('hello '.repeat(50_000))
      await once(socket, 'close')
      assert.equal(text.length, 300_000, name)
    }
    assert.equal(await exchange(portOf(proxy, 'tcp-denied'), 'hello'), '')
    const [{ counters }] = await proxy.workers.query<{ counters: Record<string, number> }>('stats')
    // Rules that only count would have refused it.
    assert.deepEqual([counters['r.rbac.dry.shadow_denied'], counters['r.rbac.dry.shadow_allowed']], [1, 0])
  })

  test('an HTTP connection manager behind a network filter', async () => {
    const port = portOf(proxy, 'behind')
    const answer = await get(port, '/x', { method: 'POST', body: 'z'.repeat(300_000) })
    assert.equal(JSON.parse(answer.body).body.length, 300_000)
    const text = await exchange(
      port,
      'GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
      1000,
    )
    assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 2)
  })

  test('PROXY protocol gives the client’s address; without it nothing goes', async () => {
    const port = portOf(proxy, 'proxied')
    const text = await exchange(
      port,
      'PROXY TCP4 192.0.2.7 192.0.2.1 5555 80\r\nGET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
      1000,
    )
    assert.match(text, /"x-forwarded-for":"192\.0\.2\.7"/)
    const v2 = Buffer.concat([
      Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex'),
      Buffer.from([192, 0, 2, 8, 192, 0, 2, 1, 0x15, 0xb3, 0, 80]),
    ])
    const second = await exchange(
      port,
      `${v2.latin1Slice()}GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
      1000,
    )
    assert.match(second, /"x-forwarded-for":"192\.0\.2\.8"/)
    assert.equal(await exchange(port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n', 200), '')
  })

  test('SDS: a listener waits for its certificate and takes a new one', async () => {
    const control = new TestControl()
    const dynamic = await startProxy({ ads: control.transport, node: { id: 'test' }, workers: 1 })
    try {
      const chain = `transport_socket: { name: tls, typed_config: { "@type": ${TLS}.DownstreamTlsContext, common_tls_context: { tls_certificate_sds_secret_configs: [{ name: cert, sds_config: { ads: {} } }] } } }`
      const secret = ({ cert, key }: Pair) =>
        anyYaml(
          `{ "@type": ${TLS}.Secret, name: cert, tls_certificate: { certificate_chain: ${inline(cert)}, private_key: ${inline(key)} } }`,
        )
      control.set(TypeUrl.cluster, { up: clusterAny(cluster(up.port)) })
      control.set(TypeUrl.listener, { web: listenerAny(httpListener({ chain })) })
      control.push()
      await eventually(() => control.acks.some((ack) => ack.startsWith('lds')))
      assert.deepEqual(dynamic.listeners(), [])
      control.set(TypeUrl.secret, { cert: secret(pairs.one) })
      control.push()
      const { port } = await dynamic.listening('web')
      const trusted = { ca: authority.pem, rejectUnauthorized: true }
      assert.equal((await https(port, { ...trusted, servername: 'one.example' })).status, 200)
      control.set(TypeUrl.secret, { cert: secret(pairs.two) })
      const version = control.push()
      await eventually(() => control.acks.includes(`sds ${version}`))
      assert.equal((await https(port, { ...trusted, servername: 'a.two.example' })).status, 200)
    } finally {
      await dynamic.close(0)
      control.server.close()
    }
  })
})
