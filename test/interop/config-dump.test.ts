/** What of the resources that a management server sends stands in `/config_dump`, field by field, beside Envoy. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { Any } from '@bufbuild/protobuf/wkt'
import { Authority, inline, type Pair, TLS } from '../../src/proxy/listener/testing.ts'
import {
  anyYaml,
  cluster,
  clusterAny,
  eventually,
  extensionAny,
  FILTERS,
  httpListener,
  listenerAny,
} from '../../src/proxy/testing.ts'
import { TypeUrl } from '../../src/xds/index.ts'
import { envoy } from '../peers/index.ts'
import { AdsPeers, type Resources } from './ads-peers.ts'

const peer = await envoy()
const ADS = '{ ads: {}, resource_api_version: V3, initial_fetch_timeout: 0s }'

/** A filter that comes by itself. */
const LATER = `{ name: later, config_discovery: { config_source: ${ADS}, type_urls: [${FILTERS}.http.cors.v3.Cors] } }`

const withSecret = (name: string) =>
  `transport_socket: { name: tls, typed_config: { "@type": ${TLS}.DownstreamTlsContext, common_tls_context: { tls_certificate_sds_secret_configs: [{ name: ${name}, sds_config: ${ADS} }] } } }`

/** The parts of a dump but for the bootstrap, by their types, with each list in the order of its texts. */
type Dump = Readonly<Record<string, unknown>>

describe('the resources in /config_dump, beside Envoy', { skip: peer.skip }, () => {
  let peers: AdsPeers
  let pair: Pair

  before(async () => {
    pair = await (await new Authority().start()).issue([{ type: 'dns', value: 'one.example' }])
    peers = await AdsPeers.start(peer.path)
  })

  after(() => peers?.stop())

  const resources = (more: Readonly<Record<string, Resources>> = {}): Record<string, Resources> => {
    const all: Record<string, Resources> = {
      [TypeUrl.cluster]: {
        up: clusterAny(cluster(9)),
        eds: clusterAny(`{ name: eds, type: EDS, eds_cluster_config: { eds_config: ${ADS} } }`),
      },
      [TypeUrl.endpoint]: { eds: endpoints(9) },
      [TypeUrl.listener]: {
        plain: listenerAny(httpListener({ name: 'plain', filters: [LATER] })),
        routed: listenerAny(
          httpListener({ name: 'routed', hcm: `rds: { route_config_name: ways, config_source: ${ADS} }` }),
        ),
        secure: listenerAny(httpListener({ name: 'secure', chain: withSecret('cert') })),
        waiting: listenerAny(httpListener({ name: 'waiting', chain: withSecret('none') })),
      },
      [TypeUrl.route]: { ways: routes('up') },
      [TypeUrl.extension]: { later: extensionAny('later', `"@type": ${FILTERS}.http.cors.v3.Cors`) },
      [TypeUrl.secret]: { cert: secret(pair) },
    }
    for (const [type, some] of Object.entries(more)) all[type] = { ...all[type], ...some }
    return all
  }

  /** The same on both, with this among it. */
  const settled = async (wanted: RegExp) => {
    let dumps: Dump[] = []
    const same = async () => {
      const texts = await Promise.all(peers.proxies.map((proxy) => peers.admin(proxy, '/config_dump?include_eds')))
      dumps = texts.map(plain)
      return texts.every((one) => wanted.test(one)) && isDeepStrictEqual(dumps[1], dumps[0])
    }
    await eventually(same, 'the same', 15_000).catch(() => {})
    const [theirs, ours] = dumps
    assert.deepEqual(ours, theirs)
    assert.match(JSON.stringify(ours), wanted)
    return ours
  }

  test('are told with their versions, and secrets that are waited for', async () => {
    peers.pushAll(resources())
    const dump = await settled(/"dynamic_active_secrets"/)
    assert.match(JSON.stringify(dump), /"dynamic_warming_secrets":.*"name":"none"/)
  })

  test('have the version of their last change, as all of them together have', async () => {
    const changed = { [TypeUrl.cluster]: { up: clusterAny(cluster(10)) }, [TypeUrl.route]: { ways: routes('eds') } }
    peers.pushAll(resources(changed))
    const dump = await settled(/"cluster": ?"eds"/)
    const { version_info: clusters } = dump['ClustersConfigDump'] as { version_info: string }
    const { version_info: listeners } = dump['ListenersConfigDump'] as { version_info: string }
    assert.deepEqual([clusters, listeners], ['2', '1'])
  })

  test('are told when they are refused', async () => {
    const bad = '{ name: x, typed_config: { "@type": type.googleapis.com/envoy.config.core.v3.Address } }'
    const plain = listenerAny(httpListener({ name: 'plain', filters: [bad] }))
    peers.pushAll(resources({ [TypeUrl.listener]: { plain } }))
    await settled(/"error_state"/)
  })

  test('that go change the version, too', async () => {
    const { [TypeUrl.listener]: some, ...rest } = resources()
    const { waiting: _, ...listeners } = some
    peers.pushAll({ ...rest, [TypeUrl.listener]: listeners })
    const dump = await settled(/"dynamic_active_secrets"/)
    assert.doesNotMatch(JSON.stringify(dump), /"none"/)
    assert.equal((dump['ListenersConfigDump'] as { version_info: string }).version_info, '4')
  })
})

function routes(name: string): Any {
  const route = `{ match: { prefix: / }, route: { cluster: ${name} } }`
  return anyYaml(
    `{ "@type": ${TypeUrl.route}, name: ways, virtual_hosts: [{ name: all, domains: ["*"], routes: [${route}] }] }`,
  )
}

function endpoints(port: number): Any {
  const address = `{ socket_address: { address: 127.0.0.1, port_value: ${port} } }`
  return anyYaml(
    `{ "@type": ${TypeUrl.endpoint}, cluster_name: eds, endpoints: [{ lb_endpoints: [{ endpoint: { address: ${address} } }] }] }`,
  )
}

function secret({ cert, key }: Pair): Any {
  return anyYaml(
    `{ "@type": ${TypeUrl.secret}, name: cert, tls_certificate: { certificate_chain: ${inline(cert)}, private_key: ${inline(key)} } }`,
  )
}

/** Without what differs from run to run. */
function plain(text: string): Dump {
  const { configs } = JSON.parse(text, (key, value) => {
    if (key === 'last_updated' || key === 'last_update_attempt' || key === 'details') return typeof value
    // Envoy tells endpoints as it has resolved them.
    if (key === 'endpoints' || key === 'policy') return undefined
    // Of these it tells neither versions nor times, for which its API has fields.
    if (key === 'dynamic_endpoint_configs')
      return value.map(({ endpoint_config }: Dump) => endpoint_config).sort(byText)
    if (key === 'error_state') return { ...value, version_info: undefined }
    // A refusal stands there once more, for no listener.
    if (key === 'dynamic_listeners') return value.filter(({ name }: Dump) => name !== undefined).sort(byText)
    return Array.isArray(value) ? value.sort(byText) : value
  }) as { configs: Record<string, unknown>[] }
  const parts = configs.map(({ '@type': type, ...lists }) => [String(type).replace(/.*\./, ''), lists] as const)
  return Object.fromEntries(parts.filter(([type]) => type !== 'BootstrapConfigDump'))
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1
}
