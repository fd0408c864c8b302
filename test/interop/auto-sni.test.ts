/** auto_sni and auto_san_validation beside Envoy: which server each request's connection asks for, and which answers are taken. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { Authority } from '../../src/proxy/listener/testing.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { within } from '../within.ts'

const peer = await envoy()
const T = 'type.googleapis.com/envoy.extensions'

const CASES: Readonly<Record<string, object>> = {
  sni: { auto_sni: true },
  san: { auto_san_validation: true },
  both: { auto_sni: true, auto_san_validation: true },
  header: { auto_sni: true, auto_san_validation: true, override_auto_sni_header: 'X-Name' },
  neither: {},
}
/** Host and X-Name. */
const REQUESTS: readonly (readonly [string, string?])[] = [
  ['one.example'],
  ['one.example:8443'],
  ['two.example'],
  ['a.wild.example'],
  ['a.b.wild.example'],
  ['127.0.0.1'],
  ['[::1]:80'],
  ['ONE.example'],
  ['other.example', 'one.example'],
  ['rewritten.example'],
]

describe('names of servers by requests', { skip: peer.skip }, () => {
  for (const [name, options] of Object.entries(CASES))
    test(name, async () => {
      const authority = await new Authority().start()
      const pair = await authority.issue([
        { type: 'dns', value: 'one.example' },
        { type: 'dns', value: '*.wild.example' },
        { type: 'ip', value: '127.0.0.1' },
      ])
      const server = createServer(pair, (incoming, answer) => {
        const { servername } = incoming.socket as TLSSocket
        answer.end(`${incoming.headers.host} by ${servername}`)
      })
      const dir = mkdtempSync(join(tmpdir(), 'sluice-sni-'))
      try {
        await once(server.listen(0, '127.0.0.1'), 'listening')
        const bootstrap = bootstrapOf(options, (server.address() as AddressInfo).port, authority)
        const theirs = await answers(await startEnvoy(peer.path, bootstrap, dir))
        const ours = await answers(await startSluice(bootstrap))
        assert.deepEqual(ours, theirs)
      } finally {
        server.close()
        rmSync(dir, { recursive: true, force: true })
      }
    })
})

async function answers(proxy: RunningProxy): Promise<string[]> {
  const all: string[] = []
  try {
    for (const [host, name] of REQUESTS) {
      const answered = new Promise<void>((resolve, reject) => {
        const headers = { host, ...(name === undefined ? {} : { 'x-name': name }) }
        request({ port: proxy.ports.get('l'), host: '127.0.0.1', headers, agent: false }, (response) => {
          let body = ''
          response.on('data', (data) => {
            body += data
          })
          response.on('end', () => {
            all.push(`${host}: ${response.statusCode} ${response.statusCode === 200 ? body : ''}`)
            resolve()
          })
        })
          .on('error', reject)
          .end()
      })
      await within(`the answer for ${host}`, answered, proxy.log)
    }
    return all
  } finally {
    await proxy.stop()
  }
}

function bootstrapOf(options: object, port: number, { pem }: Authority): unknown {
  const address = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } })
  const route = { match: { prefix: '/' }, route: { cluster: 'up' } }
  const rewritten = { match: { prefix: '/' }, route: { cluster: 'up', host_rewrite_literal: 'one.example' } }
  return {
    admin: { address: address(0) },
    static_resources: {
      listeners: [
        {
          name: 'l',
          address: address(0),
          filter_chains: [
            {
              filters: [
                {
                  name: 'hcm',
                  typed_config: {
                    '@type': `${T}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
                    stat_prefix: 'in',
                    route_config: {
                      virtual_hosts: [
                        { name: 'rewritten', domains: ['rewritten.example'], routes: [rewritten] },
                        { name: 'all', domains: ['*'], routes: [route] },
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
      clusters: [
        {
          name: 'up',
          load_assignment: {
            cluster_name: 'up',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
          },
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': `${T}.upstreams.http.v3.HttpProtocolOptions`,
              explicit_http_config: { http_protocol_options: {} },
              upstream_http_protocol_options: options,
            },
          },
          transport_socket: {
            name: 'tls',
            typed_config: {
              '@type': `${T}.transport_sockets.tls.v3.UpstreamTlsContext`,
              sni: 'configured.example',
              // A session that is resumed tells the name that it was begun with.
              max_session_keys: 0,
              common_tls_context: { validation_context: { trusted_ca: { inline_string: pem } } },
            },
          },
        },
      ],
    },
  }
}
