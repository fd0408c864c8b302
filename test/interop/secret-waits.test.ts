/** Clusters and listeners whose secrets do not come, beside Envoy. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Any } from '@bufbuild/protobuf/wkt'
import { Authority, inline, type Pair, TLS } from '../../src/proxy/listener/testing.ts'
import { anyYaml, cluster, clusterAny, eventually, get, httpListener, listenerAny } from '../../src/proxy/testing.ts'
import type { RunningProxy } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { AdsPeers } from './ads-peers.ts'
import { listener } from './secret-listener.ts'

const peer = await envoy()

describe('secrets that do not come, beside Envoy', { skip: peer.skip }, () => {
  let peers: AdsPeers
  let pair: Pair
  let upstream: Server
  const plain = listenerAny(httpListener({ name: 'plain' }))

  before(async () => {
    const authority = await new Authority().start()
    pair = await authority.issue([{ type: 'dns', value: 'one.example' }])
    upstream = createServer({ cert: pair.cert, key: pair.key }, (_, response) => response.end('by TLS'))
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    peers = await AdsPeers.start(peer.path)
  })

  after(async () => {
    await peers?.stop()
    upstream.closeAllConnections()
    upstream.close()
  })

  const secret = (name: string) =>
    anyYaml(
      `{ "@type": ${TLS}.Secret, name: ${name}, tls_certificate: { certificate_chain: ${inline(pair.cert)}, private_key: ${inline(pair.key)} } }`,
    )
  /** A cluster that waits so long for its certificate. */
  const waiting = (name: string, timeout: string): Any => {
    const source = `{ ads: {}, initial_fetch_timeout: ${timeout}, resource_api_version: V3 }`
    const context = `{ "@type": ${TLS}.UpstreamTlsContext, common_tls_context: { tls_certificate_sds_secret_configs: [{ name: cert, sds_config: ${source} }] } }`
    const { port } = upstream.address() as AddressInfo
    return clusterAny(cluster(port, `transport_socket: { name: tls, typed_config: ${context} }`, name))
  }

  const both = <T>(look: (proxy: RunningProxy) => Promise<T>) => Promise.all(peers.proxies.map(look))
  const names = async (proxy: RunningProxy, state: string): Promise<string[]> => {
    const { configs = [] } = JSON.parse(await peers.admin(proxy, `/config_dump?resource=dynamic_${state}_clusters`))
    return configs.map((one: { cluster: { name: string } }) => one.cluster.name).sort()
  }
  const counts = async (proxy: RunningProxy, filter: string) => {
    const text = await peers.admin(proxy, `/stats?filter=${filter}`)
    return Object.fromEntries([...text.matchAll(/([\w.]+): (\d+)$/gm)].map(([, name, value]) => [name, Number(value)]))
  }
  /** What both show of the clusters, once they show it. */
  const state = async (warming: readonly string[]) => {
    await both((proxy) =>
      eventually(async () => String(await names(proxy, 'warming')) === String(warming), `${warming}`),
    )
    const [theirs, ours] = await both(async (proxy) => {
      const { status, body } = await get(await peers.port(proxy, 'plain'))
      return {
        status,
        body,
        active: await names(proxy, 'active'),
        counts: await counts(
          proxy,
          '^(cluster_manager.(warming|active)_clusters|cluster.up.*(secrets_not_ready|by_sds|cx_connect_fail|pending_failure_eject))|sds.cert.init_fetch_timeout',
        ),
      }
    })
    // Our server counts of TLS only what there is.
    for (const name of Object.keys(theirs.counts)) if (theirs.counts[name] === 0) ours.counts[name] ??= 0
    assert.deepEqual(ours, theirs)
    return ours
  }

  test('a cluster is used without its secret when the time is over, and with it when it comes', async () => {
    const clusters = { up: waiting('up', '1s'), patient: waiting('patient', '0s') }
    peers.push(clusters, { plain })
    assert.deepEqual((await state(['patient', 'up'])).active, [])
    const { status, active, counts } = await state(['patient'])
    assert.deepEqual([status, active], [503, ['up']])
    assert.equal(counts['cluster.up.client_ssl_socket_factory.upstream_context_secrets_not_ready'], 1)
    assert.equal(counts['sds.cert.init_fetch_timeout'], 1)
    peers.push(clusters, { plain }, { cert: secret('cert') })
    const { body } = await state([])
    assert.equal(body, 'by TLS')
    peers.push({}, { plain }, {})
    await both((proxy) => eventually(async () => (await names(proxy, 'active')).length === 0))
  })

  test('listeners that wait for one secret wait together, and are counted once', async () => {
    const named = (name: string, timeout: string) =>
      listenerAny(JSON.stringify({ ...listener('none', { ads: {}, initial_fetch_timeout: timeout }), name }))
    peers.push({}, { one: named('one', '0.3s'), two: named('two', '0.3s') })
    for (const name of ['one', 'two']) await both((proxy) => peers.port(proxy, name))
    peers.push({}, { one: named('one', '0.3s'), two: named('two', '0.3s'), late: named('late', '0.3s') })
    await both((proxy) => peers.port(proxy, 'late'))
    const [theirs, ours] = await both((proxy) => counts(proxy, '^sds.none.(init_fetch_timeout|update_attempt)'))
    assert.deepEqual(ours, theirs)
    assert.equal(ours['sds.none.init_fetch_timeout'], 1)
  })
})
