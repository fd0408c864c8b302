/** What operators of access logs tell of TLS, on either side and by either protocol, beside Envoy. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import { createServer, request } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parse } from 'yaml'
import { Authority, type Pair } from '../../src/proxy/listener/testing.ts'
import { eventually } from '../../src/proxy/testing.ts'
import { startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { within } from '../within.ts'

const peer = await envoy()
const OPERATORS = [
  ...['DOWNSTREAM', 'UPSTREAM'].flatMap((side) =>
    [
      ...['TLS_VERSION', 'TLS_CIPHER', 'PEER_SUBJECT', 'PEER_ISSUER', 'PEER_URI_SAN', 'PEER_DNS_SAN', 'PEER_IP_SAN'],
      ...['PEER_CERT', 'PEER_CERT_V_START', 'PEER_CERT_V_END(%Y)', 'LOCAL_URI_SAN', 'LOCAL_DNS_SAN', 'LOCAL_IP_SAN'],
    ].map((name) => `${side}_${name}`),
  ),
  ...[
    'DOWNSTREAM_PEER_EMAIL_SAN',
    'DOWNSTREAM_PEER_SERIAL',
    'DOWNSTREAM_PEER_FINGERPRINT_256',
    'DOWNSTREAM_PEER_FINGERPRINT_1',
  ],
  ...['DOWNSTREAM_LOCAL_SUBJECT', 'DOWNSTREAM_LOCAL_EMAIL_SAN', 'UPSTREAM_SERVER_NAME', 'UPSTREAM_PROTOCOL'],
  ...['UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT', 'DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT', 'ACCESS_LOG_TYPE'],
  ...['COALESCE({"operators":["UPSTREAM_SERVER_NAME","DOWNSTREAM_PEER_SUBJECT"]})', 'UPSTREAM_FILTER_STATE(a)'],
]
/** Of these only whether there are any. */
const CHANCE = [
  ...['DOWNSTREAM_TLS_SESSION_ID', 'UPSTREAM_TLS_SESSION_ID', 'UPSTREAM_LOCAL_PORT', 'UNIQUE_ID', 'START_TIME_LOCAL'],
  ...['COMMON_DURATION(DS_RX_BEG:US_CX_BEG:ns)', 'COMMON_DURATION(US_CX_END:US_HS_END:us)'],
  ...['COMMON_DURATION(US_TX_BEG:US_RX_BEG:us)', 'COMMON_DURATION(DS_TX_BEG:US_TX_BEG:ns)'],
]

describe('operators of access logs', { skip: peer.skip }, () => {
  for (const version of ['TLSv1_2', 'TLSv1_3', undefined])
    test(`the same on Envoy by ${version ?? 'what each side takes by default'}`, async () => {
      const authority = await new Authority().start()
      const pair = await authority.issue([
        { type: 'dns', value: 'one.example' },
        { type: 'dns', value: 'two.example' },
        { type: 'url', value: 'spiffe://one/two' },
        { type: 'email', value: 'a@one.example' },
        { type: 'ip', value: '127.0.0.9' },
      ])
      const dir = mkdtempSync(join(tmpdir(), 'sluice-operators-'))
      const servers = [upstream1(pair, authority), upstream2(pair, authority)]
      try {
        for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening')
        const ports = servers.map((server) => (server.address() as AddressInfo).port)
        const bootstrap = (name: string) => bootstrapOf(join(dir, name), ports, pair, authority, version)
        const theirs = await logged(await startEnvoy(peer.path, bootstrap('envoy'), dir), join(dir, 'envoy'), pair)
        const ours = await logged(await startSluice(bootstrap('sluice')), join(dir, 'sluice'), pair)
        assert.deepEqual(ours, theirs)
      } finally {
        for (const server of servers) server.close()
        rmSync(dir, { recursive: true, force: true })
      }
    })
})

function upstream1({ cert, key }: Pair, { pem }: Authority): Server {
  return createServer({ cert, key, ca: pem, requestCert: true, ALPNProtocols: ['http/1.1'] }, (_, answer) =>
    answer.end('ok'),
  )
}

function upstream2({ cert, key }: Pair, { pem }: Authority): Server {
  const server = createSecureServer({ cert, key, ca: pem, requestCert: true })
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200 })
    stream.end('ok')
  })
  return server
}

/** What each operator said of each request. */
async function logged(
  proxy: Awaited<ReturnType<typeof startSluice>>,
  file: string,
  { cert, key }: Pair,
): Promise<unknown[]> {
  try {
    for (const path of ['/1', '/2', '/plain']) {
      const answered = new Promise<void>((resolve, reject) => {
        const options = {
          port: proxy.ports.get('l'),
          host: '127.0.0.1',
          path,
          cert,
          key,
          rejectUnauthorized: false,
          agent: false,
          servername: 'sni.example',
        } as const
        request(options, (answer) => answer.resume().on('end', resolve))
          .on('error', reject)
          .end()
      })
      await within(`the answer to ${path}`, answered, proxy.log)
    }
    const lines = () => readFileSync(file, 'utf8').split('\n').slice(0, -1)
    await eventually(() => lines().length === 3)
    return lines().map((line) => masked(JSON.parse(line) as Record<string, unknown>))
  } finally {
    await proxy.stop()
  }
}

function masked(line: Record<string, unknown>): unknown {
  const shape = (value: unknown) =>
    value === null
      ? null
      : String(value)
          .replace(/\d/g, '0')
          .replace(/^0+$/, '0')
          .replace(/^[0-9a-f]{64}$/, 'id')
          .replace(/^[0-9a-f]{8}-[0-9a-f-]{27}$/, 'uuid')
  return { ...line, ...Object.fromEntries(CHANCE.map((name) => [name, shape(line[name])])) }
}

function bootstrapOf(
  log: string,
  ports: readonly number[],
  { cert, key }: Pair,
  { pem }: Authority,
  version: string | undefined,
): unknown {
  const T = 'type.googleapis.com/envoy.extensions'
  const common = {
    ...(version && { tls_params: { tls_minimum_protocol_version: version, tls_maximum_protocol_version: version } }),
    tls_certificates: [{ certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }],
    validation_context: { trusted_ca: { inline_string: pem } },
  }
  const address = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } })
  const cluster = (name: string, port: number, more: object) => ({
    name,
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
    transport_socket: {
      name: 'tls',
      typed_config: {
        '@type': `${T}.transport_sockets.tls.v3.UpstreamTlsContext`,
        sni: 'up.example',
        common_tls_context: common,
      },
    },
    ...more,
  })
  const http2 = parse(
    `{ envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { "@type": ${T}.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http2_protocol_options: {} } } }`,
  ) as unknown
  return {
    admin: { address: address(0) },
    static_resources: {
      clusters: [cluster('one', ports[0], {}), cluster('two', ports[1], { typed_extension_protocol_options: http2 })],
      listeners: [
        {
          name: 'l',
          address: address(0),
          filter_chains: [
            {
              transport_socket: {
                name: 'tls',
                typed_config: {
                  '@type': `${T}.transport_sockets.tls.v3.DownstreamTlsContext`,
                  require_client_certificate: true,
                  common_tls_context: common,
                },
              },
              filters: [
                {
                  name: 'hcm',
                  typed_config: {
                    '@type': `${T}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
                    stat_prefix: 'in',
                    access_log: [
                      {
                        name: 'log',
                        typed_config: {
                          '@type': `${T}.access_loggers.file.v3.FileAccessLog`,
                          path: log,
                          log_format: {
                            json_format: Object.fromEntries([...OPERATORS, ...CHANCE].map((op) => [op, `%${op}%`])),
                          },
                        },
                      },
                    ],
                    route_config: {
                      virtual_hosts: [
                        {
                          name: 'all',
                          domains: ['*'],
                          routes: [
                            { match: { prefix: '/1' }, route: { cluster: 'one' } },
                            { match: { prefix: '/2' }, route: { cluster: 'two' } },
                            { match: { prefix: '/' }, direct_response: { status: 200 } },
                          ],
                        },
                      ],
                    },
                    http_filters: [{ name: 'router', typed_config: { '@type': `${T}.filters.http.router.v3.Router` } }],
                  },
                },
              ],
            },
          ],
        },
      ],
    },
  }
}
