import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { create } from '@bufbuild/protobuf'
import { SocketOptionSchema } from '../../../gen/envoy/config/core/v3/socket_option_pb.ts'
import type { ProxyHandle } from '../index.ts'
import {
  cluster,
  eventually,
  FILTERS,
  get,
  httpListener,
  portOf,
  type Running,
  testProxy,
  upstream,
} from '../testing.ts'
import { acceptedSocketOptions } from './socket-options.ts'
import { Authority, inline, type Pair, serverTls } from './testing.ts'

const IMPATIENT = 'transport_socket_connect_timeout: 0.05s'
const TLS_INSPECTOR = 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector'
const LOG = 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog'

describe('settings of listeners', () => {
  let proxy: ProxyHandle
  let up: Running
  let dir: string
  let client: Pair

  const tlsListener = (name: string, pair: Pair, setting: string, chain = '') => {
    const socket = serverTls(pair).replace('common_tls_context', `${setting}common_tls_context`)
    return httpListener({ name, chain: chain === '' ? socket : `${chain}\n  ${socket}` })
  }

  before(async () => {
    const authority = await new Authority().start()
    const pair = await authority.issue([{ type: 'dns', value: 'a.example' }])
    client = pair
    const mutual = serverTls(pair, `, validation_context: { trusted_ca: ${inline(authority.pem)} }`)
    up = await upstream()
    dir = mkdtempSync(join(tmpdir(), 'sluice-listener-'))
    const log = `access_log: [{ name: file, typed_config: { "@type": ${LOG}, path: ${dir}/log, log_format: { text_format_source: { inline_string: "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%\\n" } } } }]`
    proxy = await testProxy(
      [
        tlsListener('tickets', pair, ''),
        tlsListener('no-tickets', pair, 'disable_stateless_session_resumption: true, '),
        httpListener({ name: 'mutual', chain: mutual, hcm: 'forward_client_cert_details: SANITIZE_SET' }),
        httpListener({
          name: 'inspected',
          listener: `listener_filters: [{ name: tls, typed_config: { "@type": ${TLS_INSPECTOR} } }]\nlistener_filters_timeout: 0s`,
          chain: serverTls(pair),
        }),
        tlsListener('impatient', pair, '', IMPATIENT),
        tlsListener('patient', pair, '', 'transport_socket_connect_timeout: 0s'),
        httpListener({ name: 'logged', listener: log }),
        httpListener({ name: 'unmatched', listener: log, chain: 'filter_chain_match: { destination_port: 1 }' }),
        httpListener({
          name: 'kept',
          listener: 'stat_prefix: kept\nsocket_options: [{ level: 1, name: 9, int_value: 1 }]',
        }),
        httpListener({ name: 'steady', listener: 'drain_type: MODIFY_ONLY' }),
        httpListener({ name: 'both' }).replace('address: 127.0.0.1,', 'address: "::", ipv4_compat: true,'),
        httpListener({ name: 'ipv6' }).replace('address: 127.0.0.1,', 'address: "::",'),
      ],
      [cluster(up.port)],
    )
  })

  after(async () => {
    await proxy.close(0)
    await up.close()
    rmSync(dir, { recursive: true, force: true })
  })

  for (const [name, versions] of [
    ['tickets', { maxVersion: 'TLSv1.2' }],
    ['tickets', {}],
    ['mutual', { maxVersion: 'TLSv1.2' }],
    ['mutual', {}],
    ['no-tickets', { maxVersion: 'TLSv1.2' }],
    ['no-tickets', {}],
  ] as const) {
    test(`TLS sessions are resumed by tickets or not at all: ${name}, ${Object.values(versions)[0] ?? 'TLSv1.3'}`, async () => {
      const options = {
        port: portOf(proxy, name),
        host: '127.0.0.1',
        rejectUnauthorized: false,
        ...client,
        ...versions,
      }
      const first = await speak(connectTls(options))
      const second = await speak(
        connectTls({ ...options, ...(first.session === undefined ? {} : { session: first.session }) }),
      )
      assert.deepEqual([first.reused, second.reused], [false, name !== 'no-tickets'])
      if (name === 'mutual') assert.match(second.answer, /x-forwarded-client-cert/)
    })
  }

  // "Specify 0 to disable the timeout", which Istio does unless it is told a protocolDetectionTimeout.
  test('listener_filters_timeout: 0s is no timeout', async () => {
    const socket = connect(portOf(proxy, 'inspected'), '127.0.0.1')
    await once(socket, 'connect')
    await new Promise((resolve) => setTimeout(resolve, 30))
    const secure = connectTls({ socket, rejectUnauthorized: false })
    assert.match((await speak(secure)).answer, /^HTTP\/1.1 200/)
  })

  test('a client that begins no handshake is gone after transport_socket_connect_timeout', async () => {
    const socket = connect(portOf(proxy, 'impatient'), '127.0.0.1').resume()
    await once(socket, 'close')
  })

  test('transport_socket_connect_timeout: 0s is no timeout', async () => {
    const socket = connect(portOf(proxy, 'patient'), '127.0.0.1')
    await once(socket, 'connect')
    await new Promise((resolve) => setTimeout(resolve, 30))
    assert.match((await speak(connectTls({ socket, rejectUnauthorized: false }))).answer, /^HTTP\/1.1 200/)
  })

  test('the access log of a listener tells of connections, and why no filter chain took one', async () => {
    await get(portOf(proxy, 'logged'))
    const lost = connect(portOf(proxy, 'unmatched'), '127.0.0.1').resume()
    await once(lost, 'close')
    const lines = () => readFileSync(`${dir}/log`, 'utf8').split('\n').slice(0, -1).sort()
    await eventually(() => lines().length === 2)
    assert.deepEqual(lines(), ['- - 127.0.0.1', 'NR filter_chain_not_found 127.0.0.1'])
  })

  test('stat_prefix stands in statistics; keep-alive changes nothing in what is served', async () => {
    assert.equal((await get(portOf(proxy, 'kept'))).status, 200)
    const [{ counters }] = await proxy.workers.query<{ counters: Record<string, number> }>('stats')
    assert.equal(counters['listener.kept.downstream_cx_total'], 1)
  })

  test('clients are asked to go while health checks are told to fail, unless drain_type says otherwise', async () => {
    const asked = async (name: string) =>
      (await get(portOf(proxy, name), '/', { headers: { connection: 'keep-alive' } })).headers.connection
    await proxy.workers.command({ kind: 'health', failed: true })
    assert.deepEqual([await asked('kept'), await asked('steady')], ['close', undefined])
    await proxy.workers.command({ kind: 'health', failed: false })
    assert.equal(await asked('kept'), undefined)
  })

  test('ipv4_compat: an IPv6 address takes connections by IPv4, and else does not', async (t) => {
    if (!(await hasIpv6())) return t.skip('no IPv6 here')
    assert.equal((await get(portOf(proxy, 'both'))).status, 200)
    await assert.rejects(get(portOf(proxy, 'ipv6')), /ECONNREFUSED/)
    assert.equal((await get(portOf(proxy, 'ipv6'), '/', { host: '::1' })).status, 200)
  })
})

describe('socket options that cannot be set are refused with their place', () => {
  const option = (level: number, name: number, value: number) =>
    create(SocketOptionSchema, {
      level: BigInt(level),
      name: BigInt(name),
      value: { case: 'intValue', value: BigInt(value) },
    })
  test('SO_KEEPALIVE and TCP_KEEPIDLE are taken', () => {
    assert.deepEqual(acceptedSocketOptions([option(1, 9, 1), option(6, 4, 30), option(6, 1, 1)], 'x'), {
      keepAlive: true,
      keepIdleMs: 30_000,
    })
  })
  for (const [level, name, value] of [
    [6, 5, 10],
    [6, 1, 0],
    [0, 15, 1],
  ]) {
    test(`${level}/${name}`, () => {
      assert.throws(() => acceptedSocketOptions([option(1, 9, 1), option(level, name, value)], 'x'), /x\[1\]: level/)
    })
  }
})

/** One request; its answer comes behind the tickets of TLS 1.3. */
async function speak(socket: TLSSocket): Promise<{ reused: boolean; session: Buffer | undefined; answer: string }> {
  let answer = ''
  let session: Buffer | undefined
  socket.on('session', (one) => {
    session = one
  })
  await once(socket, 'secureConnect')
  const reused = socket.isSessionReused()
  socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
  socket.on('data', (chunk) => {
    answer += chunk
  })
  await once(socket, 'close')
  return { reused, session, answer }
}

async function hasIpv6(): Promise<boolean> {
  const server = createServer()
  const there = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).listen({ host: '::1', port: 0 }, () => resolve(true))
  })
  await new Promise((resolve) => server.close(resolve))
  return there
}

describe('a filter that is refused is told with the place where it stands', () => {
  const BUFFER = `{ name: buffer, typed_config: { "@type": ${FILTERS}.http.buffer.v3.Buffer } }`
  const TCP = `name: web
address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
filter_chains: [{ filters: [{ name: tcp, typed_config: { "@type": ${FILTERS}.network.tcp_proxy.v3.TcpProxy, stat_prefix: t } }] }]`
  const LUA = `{ name: lua, typed_config: { "@type": ${FILTERS}.http.lua.v3.Lua, default_source_code: { inline_string: "(" } } }`
  for (const [what, listener, place] of [
    ['an HTTP filter', httpListener({ filters: [BUFFER] }), 'filters[0].http_filters[0]: buffer.max_request_bytes: '],
    ['one that prepares something', httpListener({ filters: [LUA] }), 'filters[0].http_filters[0]: lua:1: '],
    ['a network filter', TCP, 'filters[0]: tcp_proxy: '],
  ]) {
    test(what, () =>
      assert.rejects(testProxy([listener], [cluster(1)]), ({ message }: Error) =>
        message.includes(`: listener "web".filter_chains[0].${place}`),
      ),
    )
  }
})
