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
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'

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
]

const COUNTERS = [
  'tls_inspector.client_hello_too_large',
  'downstream_cx_proxy_proto_error',
  'listener.tls.ssl.connection_error',
  'listener.tls.ssl.handshake',
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
    const stats = await (await fetch(`http://${proxy.admin}/stats`)).text()
    const names = [
      ...COUNTERS,
      ...['tls', 'proxy'].flatMap((listener) => PER_LISTENER.map((name) => `listener.${listener}.${name}`)),
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
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('data', (data) => {
      resolve(data[0] === 21 ? 'alert' : data.latin1Slice(0, 12))
      socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve('let go'))
    if (ends) socket.end(bytes)
    else socket.write(bytes)
  })
}

/** A client that goes with a reset is no error of TLS. */
async function resetAfterHandshake(port: number): Promise<void> {
  const plain = connect({ port, host: '127.0.0.1' })
  const socket = connectTls({ socket: plain, rejectUnauthorized: false })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
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
  const listener = (name: string, filter: string, chains: readonly object[]) => ({
    name,
    stat_prefix: name,
    address,
    listener_filters: [{ name: 'filter', typed_config: { '@type': `${TYPE}.filters.listener.${filter}` } }],
    filter_chains: [...chains, { filters: [http] }],
  })
  const secure = { filter_chain_match: { transport_protocol: 'tls' }, transport_socket: tls, filters: [http] }
  return {
    admin: { address },
    static_resources: {
      listeners: [
        listener('tls', 'tls_inspector.v3.TlsInspector', [secure]),
        listener('proxy', 'proxy_protocol.v3.ProxyProtocol', []),
      ],
    },
  }
}
