/** What Envoy and Sluice tell an authorization server of a connection's certificates. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { CheckRequestSchema, CheckResponseSchema } from '../../gen/envoy/service/auth/v3/external_auth_pb.ts'
import { grpcService } from '../../src/proxy/filters/testing.ts'
import { Authority, type Pair } from '../../src/proxy/listener/testing.ts'
import { bootstrap, cluster, HTTP2_UPSTREAM, listener } from '../conformance/bootstrap.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { closed, within } from '../within.ts'

const peer = await envoy()
const TYPE = 'type.googleapis.com/envoy.extensions'

test('names and certificates by gRPC', { skip: peer.skip }, async () => {
  const authority = await new Authority().start()
  const issue = (...types: ('dns' | 'url' | 'email')[]) =>
    authority.issue(types.map((type) => ({ type, value: { dns: 'a.b', url: 'spiffe://a/b', email: 'a@b.c' }[type] })))
  const clients = [await issue('dns', 'url'), await issue('email', 'dns'), await issue('email')]
  const servers = [await issue('url'), await issue('dns'), await issue('email')]
  const told: unknown[] = []
  const authz = await grpcService((_call, message) => {
    const { source, destination, tlsSession } = fromBinary(CheckRequestSchema, message).attributes ?? {}
    told.push([source?.principal, source?.certificate, destination?.principal, tlsSession?.sni])
    return toBinary(CheckResponseSchema, create(CheckResponseSchema, { status: { code: 0 } }))
  })
  const config = bootstrap(
    servers.map((server, i) => tlsListener(`l${i}`, server, authority.pem)),
    [cluster('authz', authz.port, HTTP2_UPSTREAM)],
  )
  const dir = mkdtempSync(join(tmpdir(), 'sluice-ext-authz-tls-'))
  const observe = async (proxy: RunningProxy) => {
    told.length = 0
    try {
      for (const [i, client] of clients.entries()) await ask(proxy.ports.get(`l${i}`), client)
      return [...told]
    } finally {
      await proxy.stop()
    }
  }
  try {
    const theirs = await observe(await startEnvoy(peer.path, config, dir))
    assert.equal(theirs.length, clients.length)
    assert.deepEqual(await observe(await startSluice(config)), theirs)
  } finally {
    await authz.close()
    rmSync(dir, { recursive: true, force: true })
  }
})

function tlsListener(name: string, { cert, key }: Pair, authority: string): unknown {
  const routes = [{ match: { prefix: '/' }, direct_response: { status: 200 } }]
  const authz = {
    '@type': `${TYPE}.filters.http.ext_authz.v3.ExtAuthz`,
    grpc_service: { envoy_grpc: { cluster_name: 'authz' }, timeout: '5s' },
    transport_api_version: 'V3',
    include_peer_certificate: true,
    include_tls_session: true,
  }
  const made = listener(name, routes, {
    http_filters: [
      { name: 'authz', typed_config: authz },
      { name: 'router', typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` } },
    ],
  }) as { filter_chains: object[] }
  const tls = {
    '@type': `${TYPE}.transport_sockets.tls.v3.DownstreamTlsContext`,
    require_client_certificate: true,
    common_tls_context: {
      tls_certificates: [{ certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }],
      validation_context: { trusted_ca: { inline_string: authority } },
    },
  }
  const [chain] = made.filter_chains
  return { ...made, filter_chains: [{ ...chain, transport_socket: { name: 'tls', typed_config: tls } }] }
}

async function ask(port: number | undefined, pair: Pair): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'asked.example', rejectUnauthorized: false, ...pair })
  socket.on('error', () => {})
  // Whoever ends his side is gone, before the server has been asked.
  socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
  socket.resume()
  await within('the end of a connection', closed(socket))
}
