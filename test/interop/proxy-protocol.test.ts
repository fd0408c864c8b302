/** PROXY protocol to upstreams: for each kind of client connection the bytes that Envoy sends. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { within } from '../within.ts'

const peer = await envoy()
const TYPE = 'type.googleapis.com/envoy'
const EXTENSIONS = `${TYPE}.extensions`
const V2 = '0d0a0d0a000d0a515549540a'

/** Listener, what the client says first, and what it sends then. */
const CLIENTS: readonly (readonly [string, Buffer | string, string])[] = ['http', 'tcp'].flatMap((kind) =>
  (['1', '2'] as const).flatMap((version) => {
    const request = kind === 'http' ? `GET /${version} HTTP/1.1\r\nhost: a\r\n\r\n` : 'hello'
    const listener = kind === 'http' ? 'http' : `tcp${version}`
    const behind = `${listener}-behind`
    return [
      [listener, '', request],
      [behind, 'PROXY TCP4 1.2.3.4 5.6.7.8 10 20\r\n', request],
      [behind, 'PROXY TCP6 ::1 2001:db8::a:0:0:1 10 20\r\n', request],
      [behind, 'PROXY TCP6 0:0:0:0:0:0:0:1 2001:DB8:0:0:A::1 10 20\r\n', request],
      [behind, 'PROXY UNKNOWN\r\n', request],
      [behind, Buffer.from(`${V2}2111000c01020304050607080009000a`, 'hex'), request],
      [behind, Buffer.from(`${V2}21210024${'0'.repeat(31)}120010db800000000000a000000000001000a0014`, 'hex'), request],
      [behind, Buffer.from(`${V2}20000000`, 'hex'), request],
    ] as const
  }),
)

function bootstrap(upstream: number): unknown {
  const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })
  const cluster = (version: string) => ({
    name: version,
    type: 'STATIC',
    transport_socket: {
      name: 'envoy.transport_sockets.upstream_proxy_protocol',
      typed_config: {
        '@type': `${EXTENSIONS}.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport`,
        config: { version },
        transport_socket: {
          name: 'raw',
          typed_config: { '@type': `${EXTENSIONS}.transport_sockets.raw_buffer.v3.RawBuffer` },
        },
      },
    },
    load_assignment: {
      cluster_name: version,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstream) } }] }],
    },
  })
  const http = {
    '@type': `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'in',
    route_config: {
      name: 'r',
      virtual_hosts: [
        {
          name: 'v',
          domains: ['*'],
          routes: [
            { match: { prefix: '/2' }, route: { cluster: 'V2' } },
            { match: { prefix: '/' }, route: { cluster: 'V1' } },
          ],
        },
      ],
    },
    http_filters: [{ name: 'router', typed_config: { '@type': `${EXTENSIONS}.filters.http.router.v3.Router` } }],
  }
  const tcp = (name: string) => ({
    '@type': `${EXTENSIONS}.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: 't',
    cluster: name,
  })
  const behind = {
    name: 'proxy_protocol',
    typed_config: { '@type': `${EXTENSIONS}.filters.listener.proxy_protocol.v3.ProxyProtocol` },
  }
  const listeners = [
    ['http', http],
    ['tcp1', tcp('V1')],
    ['tcp2', tcp('V2')],
  ].flatMap(([name, config]) => {
    const filter_chains = [{ filters: [{ name: 'filter', typed_config: config }] }]
    return [
      { name, address: address(0), filter_chains },
      { name: `${name}-behind`, address: address(0), filter_chains, listener_filters: [behind] },
    ]
  })
  return {
    admin: { address: address(0) },
    static_resources: { listeners, clusters: [cluster('V1'), cluster('V2')] },
  }
}

/** What the upstream is sent in front of each request, with the ports of this run masked. */
async function observe(which: 'envoy' | 'sluice'): Promise<string[]> {
  const sockets = new Set<Socket>()
  let arrived = Promise.withResolvers<string>()
  const upstream = createServer((socket) => {
    sockets.add(socket)
    let bytes = ''
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.toString('latin1')
      const end = bytes.search(/GET |hello/)
      if (end === -1) return
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
      arrived.resolve(bytes.slice(0, end))
    })
  }).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const dir = mkdtempSync(join(tmpdir(), 'sluice-proxied-'))
  const config = bootstrap((upstream.address() as AddressInfo).port)
  let running: RunningProxy | undefined
  try {
    const proxy = which === 'envoy' ? await startEnvoy(peer.path, config, dir) : await startSluice(config)
    running = proxy
    const seen: string[] = []
    for (const [listener, first, request] of CLIENTS) {
      arrived = Promise.withResolvers()
      const port = proxy.ports.get(listener) as number
      const client = connect(port, '127.0.0.1')
      await within(`a connection to ${listener}`, once(client, 'connect'), proxy.log)
      client.on('data', () => {})
      client.write(first)
      client.write(request)
      const header = await within(`what the upstream gets from ${listener}`, arrived.promise, proxy.log)
      seen.push(mask(header, client.localPort as number, port))
      client.destroy()
    }
    return seen
  } finally {
    await running?.stop()
    for (const socket of sockets) socket.destroy()
    upstream.close()
    rmSync(dir, { recursive: true })
  }
}

function mask(header: string, from: number, to: number): string {
  const hex = Buffer.from(header, 'latin1').toString('hex')
  const word = (port: number) => port.toString(16).padStart(4, '0')
  if (hex.startsWith(V2)) return hex.replace(`${word(from)}${word(to)}`, '<ports>')
  return header.replace(`${from} ${to}`, '<ports>')
}

describe('PROXY protocol to upstreams', { skip: peer.skip }, () => {
  test('the header of each connection is Envoy’s', async () => {
    const theirs = await observe('envoy')
    assert.deepEqual(await observe('sluice'), theirs)
    assert.equal(theirs[1], 'PROXY TCP4 1.2.3.4 5.6.7.8 10 20\r\n')
    assert.ok(theirs.filter((header) => header.includes('<ports>')).length >= 8)
  })
})
