import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Authority, serverTls, TLS } from '../listener/testing.ts'
import { FILTERS, httpListener, testProxy } from '../testing.ts'

const ADMIN = { host: '127.0.0.1', port: 0 }
const ROUTES = '[{ match: { prefix: / }, direct_response: { status: 200 } }]'

test('/certs shows those of all chains, the default one as well, and none that have not come', async () => {
  const authority = await new Authority().start()
  const [chain, fallback] = await Promise.all(
    ['chain.example', 'default.example'].map((value) => authority.issue([{ type: 'dns', value }])),
  )
  const only = '{ server_names: [chain.example] }'
  const listeners = [
    httpListener({
      routes: ROUTES,
      chain: `filter_chain_match: ${only}\n  ${serverTls(chain)}`,
      listener: `default_filter_chain: { ${serverTls(fallback)}, filters: [{ name: t, typed_config: { "@type": ${FILTERS}.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: none } }] }`,
    }),
    httpListener({
      name: 'waiting',
      routes: ROUTES,
      chain: `transport_socket: { name: tls, typed_config: { "@type": ${TLS}.DownstreamTlsContext, common_tls_context: { tls_certificate_sds_secret_configs: [{ name: late, sds_config: { ads: {}, initial_fetch_timeout: 0.001s } }] } } }`,
    }),
  ]
  const proxy = await testProxy(listeners, [], { admin: ADMIN })
  try {
    await proxy.listening('waiting')
    const { certificates } = (await (await fetch(`http://${proxy.adminAddress}/certs`)).json()) as {
      certificates: { cert_chain: { subject_alt_names: unknown[] }[] }[]
    }
    assert.deepEqual(
      certificates.map(({ cert_chain }) => cert_chain[0].subject_alt_names),
      [[{ dns: 'chain.example' }], [{ dns: 'default.example' }]],
    )
  } finally {
    await proxy.close(0)
  }
})
