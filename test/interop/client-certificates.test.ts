/** Clients whose certificates a listener refuses, and how they are counted, beside Envoy. */

import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { connect } from 'node:tls'
import { Authority, type Pair } from '../../src/proxy/listener/testing.ts'
import { fetchText } from '../limited-fetch.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { closed, within } from '../within.ts'

const peer = await envoy()
const TYPE = 'type.googleapis.com/envoy.extensions'
const TLS_COUNTERS = [
  ...['handshake', 'connection_error', 'fail_verify_no_cert', 'fail_verify_error', 'fail_verify_san'],
  'fail_verify_cert_hash',
]
const COUNTERS = [
  ...TLS_COUNTERS.map((name) => `listener.web.ssl.${name}`),
  // Also those that never came to a request.
  ...['total', 'active', 'destroy', 'destroy_local', 'destroy_remote'].map((name) => `http.in.downstream_cx_${name}`),
]

describe('client certificates', { skip: peer.skip }, () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
    test(`are refused and counted as by Envoy, over ${version}`, async () => {
      const authority = await new Authority().start()
      const other = await new Authority().start('CN=other root')
      const issue = (from: Authority, value: string) => from.issue([{ type: 'dns', value }])
      const [good, unknown] = [await issue(authority, 'good.example'), await issue(authority, 'good.example')]
      const clients = [
        undefined,
        good,
        unknown,
        await issue(authority, 'bad.example'),
        await issue(authority, '*.example'),
        await issue(authority, 'g*d.example'),
        await issue(other, 'good.example'),
      ]
      const config = bootstrap(await issue(authority, 'server.example'), authority.pem, good)
      const dir = mkdtempSync(join(tmpdir(), 'sluice-client-certificates-'))
      try {
        const theirs = await counted(await startEnvoy(peer.path, config, dir), clients, version)
        assert.deepEqual(await counted(await startSluice(config), clients, version), theirs)
        assert.equal(theirs.length, COUNTERS.length)
      } finally {
        rmSync(dir, { recursive: true, force: true })
      }
    })
})

async function counted(
  proxy: RunningProxy,
  clients: readonly (Pair | undefined)[],
  version: 'TLSv1.2' | 'TLSv1.3',
): Promise<string[]> {
  try {
    for (const pair of clients) {
      const port = proxy.ports.get('web')
      const bounds = { minVersion: version, maxVersion: version } as const
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...bounds, ...pair })
      socket.on('error', () => {})
      // Who ends first is not left to chance: the client says that it is done, and ends when the proxy has.
      socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
      socket.resume()
      await within('the end of a connection', closed(socket), proxy.log)
    }
    const stats = await fetchText(`http://${proxy.admin}/stats`)
    return COUNTERS.flatMap((name) => new RegExp(`^${name}: \\d+$`, 'm').exec(stats)?.[0] ?? [])
  } finally {
    await proxy.stop()
  }
}

/** Takes one certificate of its authority, by its name and its hash. */
function bootstrap(server: Pair, authority: string, client: Pair): unknown {
  const address = { socket_address: { address: '127.0.0.1', port_value: 0 } }
  const tls = {
    '@type': `${TYPE}.transport_sockets.tls.v3.DownstreamTlsContext`,
    require_client_certificate: true,
    common_tls_context: {
      tls_certificates: [
        { certificate_chain: { inline_string: server.cert }, private_key: { inline_string: server.key } },
      ],
      validation_context: {
        trusted_ca: { inline_string: authority },
        match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'good.example' } }],
        verify_certificate_hash: [new X509Certificate(client.cert).fingerprint256],
      },
    },
  }
  const http = {
    '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'in',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'] }] },
    http_filters: [{ name: 'router', typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` } }],
  }
  const chain = {
    transport_socket: { name: 'tls', typed_config: tls },
    filters: [{ name: 'http', typed_config: http }],
  }
  return {
    admin: { address },
    static_resources: { listeners: [{ name: 'web', stat_prefix: 'web', address, filter_chains: [chain] }] },
  }
}
