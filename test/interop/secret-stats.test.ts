/** Secrets by ADS: a real Envoy and Sluice hear the same of one management server, and count the same. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Authority, inline, type Pair, TLS } from '../../src/proxy/listener/testing.ts'
import { anyYaml, eventually } from '../../src/proxy/testing.ts'
import { type GrpcServer, serveGrpc } from '../../src/xds/grpc-server.ts'
import { AdsServer, TypeUrl } from '../../src/xds/index.ts'
import { limitedFetch } from '../limited-fetch.ts'
import { type RunningProxy, startBoth } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { address, listener } from './secret-listener.ts'

const peer = await envoy()
const NODE = 'node'
/** What docs/reference/proxy.md says is not counted, and the time of day. */
const UNLIKE = /^(version|update_time)$/

describe('what is counted of secrets by ADS, beside Envoy', { skip: peer.skip }, () => {
  const server = new AdsServer()
  let home: string
  let grpc: GrpcServer
  let proxies: readonly RunningProxy[] = []
  let one: Pair
  let two: Pair
  let version = 0

  const certificate = ({ cert, key }: Pair) =>
    anyYaml(
      `{ "@type": ${TLS}.Secret, name: cert, tls_certificate: { certificate_chain: ${inline(cert)}, private_key: ${inline(key)} } }`,
    )
  const push = (pair: Pair) =>
    server.setSnapshot(
      NODE,
      {
        [TypeUrl.cluster]: new Map(),
        [TypeUrl.listener]: new Map(),
        [TypeUrl.secret]: new Map([['cert', certificate(pair)]]),
      },
      String(++version),
    )

  before(async () => {
    home = mkdtempSync(join(tmpdir(), 'sluice-sds-stats-'))
    const authority = await new Authority().start()
    one = await authority.issue([{ type: 'dns', value: 'one.example' }])
    two = await authority.issue([{ type: 'dns', value: 'two.example' }])
    grpc = await serveGrpc(server, '127.0.0.1', 0)
    push(one)
    const config = bootstrap(grpc.port)
    proxies = await startBoth(peer.path, config, home)
  })

  after(async () => {
    for (const proxy of proxies) await proxy.stop()
    await grpc?.close()
    rmSync(home, { recursive: true })
  })

  async function counts({ admin }: RunningProxy, secret = 'cert'): Promise<Record<string, number>> {
    const text = await (
      await limitedFetch(`http://${admin}/stats?filter=(^sds.${secret}|^listener.${secret}.*by_sds$)`)
    ).text()
    const found = [...text.matchAll(/([\w]+): (\d+)$/gm)].map(([, name, value]) => [name, Number(value)] as const)
    return Object.fromEntries(found.filter(([name]) => !UNLIKE.test(name)))
  }

  /** Both, once each has counted so many of these, and the listener is there, which counts likewise. */
  async function both(name: string, count: number, secret = 'cert'): Promise<Record<string, number>> {
    for (const proxy of proxies) {
      const counted = (found: Record<string, number>) => found[name] === count && 'ssl_context_update_by_sds' in found
      await eventually(async () => counted(await counts(proxy, secret)), name)
    }
    const [theirs, ours] = await Promise.all(proxies.map((proxy) => counts(proxy, secret)))
    assert.deepEqual(ours, theirs)
    return ours
  }

  // First: of a bad secret Envoy counts update_rejected for all others, too.
  test('one that does not come', async () => {
    assert.deepEqual(await both('init_fetch_timeout', 1, 'none'), {
      init_fetch_timeout: 1,
      key_rotation_failed: 0,
      ssl_context_update_by_sds: 0,
      update_attempt: 2,
      update_failure: 0,
      update_rejected: 0,
      update_success: 0,
    })
  })

  test('a first one, one that cannot be used, and the next', async () => {
    await both('update_success', 1)
    push({ cert: two.cert, key: one.key })
    await both('update_rejected', 1)
    push(two)
    assert.deepEqual(await both('update_success', 2), {
      init_fetch_timeout: 0,
      key_rotation_failed: 0,
      ssl_context_update_by_sds: 2,
      update_attempt: 4,
      update_failure: 0,
      update_rejected: 1,
      update_success: 2,
    })
  })

  test('a management server that is gone', async () => {
    await grpc.close()
    for (const proxy of proxies) {
      await eventually(async () => (await counts(proxy)).update_failure > 1, 'a second failure')
      const { update_attempt, update_failure } = await counts(proxy)
      assert.equal(update_attempt - update_failure, 4)
    }
  })
})

function bootstrap(port: number): unknown {
  const http2 = {
    '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    explicit_http_config: { http2_protocol_options: {} },
  }
  const ads = { socket_address: { address: '127.0.0.1', port_value: port } }
  return {
    node: { id: NODE, cluster: 'cluster' },
    admin: { address: address() },
    dynamic_resources: {
      lds_config: { ads: {}, resource_api_version: 'V3' },
      cds_config: { ads: {}, resource_api_version: 'V3' },
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
    },
    static_resources: {
      listeners: [listener('cert', { ads: {} }), listener('none', { ads: {}, initial_fetch_timeout: '0.2s' })],
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': http2 },
          load_assignment: { cluster_name: 'xds', endpoints: [{ lb_endpoints: [{ endpoint: { address: ads } }] }] },
        },
      ],
    },
  }
}
