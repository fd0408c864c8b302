/** What becomes of a connection whose first bytes a listener filter refuses or does not know, beside Envoy. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { Authority, type Pair } from '../../src/proxy/listener/testing.ts'
import { fetchText } from '../limited-fetch.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { within } from '../within.ts'

const peer = await envoy()
const TYPE = 'type.googleapis.com/envoy.extensions'

/** A ClientHello of so many bytes, in records of `size`, that no server can answer: it knows one suite, and no group. */
function hello(length: number, size: number): Buffer {
  const bytes = Buffer.alloc(length)
  Buffer.from([1, 0, ...u16(length - 4), 3, 3]).copy(bytes)
  const padding = length - 51
  Buffer.from([0, 0, 2, 0x13, 1, 1, 0, ...u16(padding + 4), 0, 21, ...u16(padding)]).copy(bytes, 38)
  const records: Buffer[] = []
  for (let at = 0; at < length; at += size) {
    const part = bytes.subarray(at, at + size)
    records.push(Buffer.from([22, 3, 1, ...u16(part.length)]), part)
  }
  return Buffer.concat(records)
}

function u16(value: number): [number, number] {
  return [value >> 8, value & 255]
}

const GET = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'
const V2 = '\r\n\r\n\0\r\nQUIT\n'

/** By listener; `true`: and ends. The TLS inspector looks at 16384 bytes. */
const CASES: readonly (readonly [string, string, Buffer, true?])[] = [
  ['tls', 'a hello of all that is looked at', hello(16_379, 16_379)],
  ['tls', 'one byte more', hello(16_380, 16_380)],
  ['tls', 'a hello in many records', hello(2000, 1)],
  ['tls', 'a hello in too many records', hello(10_000, 1)],
  ['tls', 'a longer message than TLS knows', hello(20_000, 16_000)],
  ['tls', 'another message of a handshake', Buffer.from([22, 3, 1, 0, 5, 2, 0, 0, 1, 0])],
  ['tls', 'a length that points outside', Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1, 0])],
  ['tls', 'half a hello', hello(2000, 2000).subarray(0, 1000), true],
  ['tls', 'not a word', Buffer.alloc(0), true],
  ['proxy', 'no PROXY protocol', Buffer.from('PROXX TCP4 1.2.3.4 5.6.7.8 10 20\r\n')],
  ['proxy', 'half a PROXY header', Buffer.from('PROXY TCP4 1.2'), true],
  ['proxy', 'version 1', Buffer.from(`PROXY TCP4 1.2.3.4 5.6.7.8 10 20\r\n${GET}`)],
  ['proxy', 'version 2', Buffer.from(`${V2}\x20\0\0\0${GET}`)],
  ['proxy', 'version 2 of a Unix domain socket', Buffer.from(`${V2}\x21\x31\0\0${GET}`)],
  ['proxy', 'something else', Buffer.from(GET)],
  ['optional', 'version 1, where it is not wanted', Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 10 20\r\n\r\n')],
  ['optional', 'version 2', Buffer.from(`${V2}\x20\0\0\0${GET}`)],
  ['optional', 'a version 2 that is none', Buffer.from(`${V2}\x22\0\0\0${GET}`)],
  ['optional', 'no header', Buffer.from(GET)],
  ['first', 'version 1', Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 10 20\r\n')],
  ['first', 'version 2', Buffer.from(`${V2}\x20\0\0\0${GET}`)],
  ['late', 'nothing that tells', Buffer.from('GET')],
  ['http', 'HTTP/1.1', Buffer.from(GET)],
  ['http', 'HTTP/1.0', Buffer.from('GET / HTTP/1.0\r\n\r\n')],
  ['http', 'HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ['http', 'no HTTP', Buffer.from('G@T / HTTP/1.1\r\n\r\n')],
  ['http', 'a first line of 64 KiB', Buffer.from(`GET /${'a'.repeat(65_520)} HTTP/1.1\r\n\r\n`)],
  ['http', 'a longer one', Buffer.from(`GET /${'a'.repeat(65_522)} HTTP/1.1\r\n\r\n`)],
]

const COUNTERS = [
  'downstream_cx_proxy_proto_error',
  'listener.tls.ssl.connection_error',
  'listener.tls.ssl.handshake',
  ...['client_hello_too_large', 'tls_found', 'tls_not_found'].map((name) => `tls_inspector.${name}`),
  ...['sni_found', 'sni_not_found', 'alpn_found', 'alpn_not_found'].map((name) => `tls_inspector.${name}`),
  ...['http10_found', 'http11_found', 'http2_found', 'http_not_found', 'read_error'].map(
    (name) => `http_inspector.${name}`,
  ),
  ...['proxy_proto', 'proxy_proto.optional'].flatMap((filter) => [
    `${filter}.not_found_allowed`,
    `${filter}.not_found_disallowed`,
    ...['v1', 'v2'].flatMap((version) =>
      ['found', 'disallowed', 'error'].map((name) => `${filter}.versions.${version}.${name}`),
    ),
  ]),
]
const PER_LISTENER = ['downstream_pre_cx_timeout', 'downstream_listener_filter_remote_close', 'no_filter_chain_match']

describe('listener filters', { skip: peer.skip }, () => {
  test('let go, serve in the clear or by TLS whom Envoy does, and count them', async () => {
    const authority = await new Authority().start()
    const bootstrap = bootstrapOf(await authority.issue([{ type: 'dns', value: 'a' }]))
    const dir = mkdtempSync(join(tmpdir(), 'sluice-listener-filters-'))
    try {
      const theirs = await observed(await startEnvoy(peer.path, bootstrap, dir))
      assert.deepEqual(await observed(await startSluice(bootstrap)), theirs)
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
})

async function observed(proxy: RunningProxy): Promise<unknown> {
  try {
    const seen: string[] = []
    for (const [listener, what, bytes, ends] of CASES)
      seen.push(`${what}: ${await answer(proxy.ports.get(listener) as number, bytes, ends)}`)
    await resetAfterHandshake(proxy.ports.get('tls') as number)
    const stats = await fetchText(`http://${proxy.admin}/stats`)
    const names = [
      ...COUNTERS,
      ...['tls', 'proxy', 'optional', 'first', 'http', 'late'].flatMap((listener) =>
        PER_LISTENER.map((name) => `listener.${listener}.${name}`),
      ),
    ]
    const counted = names.map((name) => {
      const line = new RegExp(`^${name}: \\d+$`, 'm').exec(stats)
      assert.ok(line, name)
      return line[0]
    })
    return { seen, counted }
  } finally {
    await proxy.stop()
  }
}

/** The first bytes that the client gets, or that it is let go without a word. */
function answer(port: number, bytes: Buffer, ends = false): Promise<string> {
  const told = new Promise<string>((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('data', (data) => {
      resolve(data[0] === 21 ? 'alert' : data[0] === 0 ? 'HTTP/2' : data.latin1Slice(0, 12))
      socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve('let go'))
    if (ends) socket.end(bytes)
    else socket.write(bytes)
  })
  return within('an answer, or the end of the connection', told)
}

/** A client that goes with a reset is no error of TLS. */
async function resetAfterHandshake(port: number): Promise<void> {
  const plain = connect({ port, host: '127.0.0.1' })
  const socket = connectTls({ socket: plain, rejectUnauthorized: false })
  socket.on('error', () => {})
  await within('a handshake', once(socket, 'secureConnect'))
  await new Promise((resolve) => setTimeout(resolve, 300))
  plain.resetAndDestroy()
  await new Promise((resolve) => setTimeout(resolve, 300))
}

function bootstrapOf({ cert, key }: Pair): unknown {
  const address = { socket_address: { address: '127.0.0.1', port_value: 0 } }
  const http = {
    name: 'http',
    typed_config: {
      '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'in',
      route_config: { virtual_hosts: [{ name: 'all', domains: ['*'] }] },
      http_filters: [{ name: 'router', typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` } }],
    },
  }
  const certificate = { certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }
  const tls = {
    name: 'tls',
    typed_config: {
      '@type': `${TYPE}.transport_sockets.tls.v3.DownstreamTlsContext`,
      common_tls_context: { tls_certificates: [certificate] },
    },
  }
  const listener = (name: string, chains: readonly object[], ...filters: readonly object[]) => ({
    name,
    stat_prefix: name,
    address,
    listener_filters: filters,
    listener_filters_timeout: '1s',
    filter_chains: [...chains, { filters: [http] }],
  })
  const filter = (type: string, fields: object = {}) => ({
    name: 'filter',
    typed_config: { '@type': `${TYPE}.filters.listener.${type}`, ...fields },
  })
  const nobody = {
    name: 'tcp',
    typed_config: {
      '@type': `${TYPE}.filters.network.tcp_proxy.v3.TcpProxy`,
      stat_prefix: 'late',
      cluster: 'nobody',
    },
  }
  const optional = {
    stat_prefix: 'optional',
    allow_requests_without_proxy_protocol: true,
    disallowed_versions: ['V1'],
  }
  const plain = { filter_chain_match: { application_protocols: ['http/1.1'] }, filters: [http] }
  const secure = { filter_chain_match: { transport_protocol: 'tls' }, transport_socket: tls, filters: [http] }
  return {
    admin: { address },
    static_resources: {
      listeners: [
        listener('tls', [secure], filter('tls_inspector.v3.TlsInspector')),
        listener('proxy', [], filter('proxy_protocol.v3.ProxyProtocol')),
        listener('optional', [], filter('proxy_protocol.v3.ProxyProtocol', optional)),
        listener('first', [], filter('proxy_protocol.v3.ProxyProtocol', { disallowed_versions: ['V1'] })),
        listener('http', [plain], filter('http_inspector.v3.HttpInspector')),
        {
          ...listener('late', [], filter('http_inspector.v3.HttpInspector')),
          continue_on_listener_filters_timeout: true,
          filter_chains: [{ filters: [nobody] }],
        },
      ],
    },
  }
}
