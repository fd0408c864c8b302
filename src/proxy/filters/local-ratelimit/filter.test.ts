import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TypeUrl } from '../../../xds/index.ts'
import { startProxy } from '../../index.ts'
import {
  anyYaml,
  cluster,
  clusterAny,
  eventually,
  extensionAny,
  FILTERS,
  get,
  httpListener,
  listenerAny,
  portOf,
  TestControl,
  testProxy,
  upstream,
} from '../../testing.ts'

const ON = '{ default_value: { numerator: 100 } }'
const CONFIG = `"@type": ${FILTERS}.http.local_ratelimit.v3.LocalRateLimit, stat_prefix: l, filter_enabled: ${ON}, filter_enforced: ${ON}`
const bucket = (tokens: number) => `token_bucket: { max_tokens: ${tokens}, fill_interval: 3600s }`
const FILTER = `{ name: envoy.filters.http.local_ratelimit, typed_config: { ${CONFIG}, ${bucket(7)} } }`
const routes = (tokens: number) =>
  `[{ match: { prefix: /own }, route: { cluster: up }, typed_per_filter_config: { envoy.filters.http.local_ratelimit: { ${CONFIG}, ${bucket(tokens)} } } }, { match: { prefix: / }, route: { cluster: up } }]`

/** How many of forty requests on connections of their own, which the kernel spreads over the workers, were let through. */
async function allowed(port: number, path: string): Promise<number> {
  const answers = await Promise.all(Array.from({ length: 40 }, () => get(port, path)))
  return answers.filter(({ status }) => status === 200).length
}

describe('buckets are those of all workers together', () => {
  test('of a filter and of routes in a bootstrap', async () => {
    const up = await upstream()
    const listener = httpListener({ filters: [FILTER], routes: routes(5) })
    const proxy = await testProxy([listener], [cluster(up.port)], { workers: 2 })
    try {
      assert.equal(await allowed(portOf(proxy), '/'), 7)
      assert.equal(await allowed(portOf(proxy), '/own'), 5)
    } finally {
      await proxy.close()
      await up.close()
    }
  })

  test('of a filter and of routes that come from a control plane, anew with each change', async () => {
    const up = await upstream()
    const control = new TestControl()
    const proxy = await startProxy({ ads: control.transport, node: { id: 'test' }, workers: 2 })
    try {
      const name = 'envoy.filters.http.local_ratelimit'
      const discovered = `{ name: ${name}, config_discovery: { config_source: { ads: {} }, type_urls: ["${FILTERS}.http.local_ratelimit.v3.LocalRateLimit"] } }`
      control.set(TypeUrl.cluster, { up: clusterAny(cluster(up.port)) })
      control.set(TypeUrl.extension, { [name]: extensionAny(name, `{ ${CONFIG}, ${bucket(7)} }`) })
      control.set(TypeUrl.listener, {
        web: listenerAny(
          httpListener({ filters: [discovered], hcm: 'rds: { route_config_name: r, config_source: { ads: {} } }' }),
        ),
      })
      for (const [turn, tokens] of [5, 6].entries()) {
        control.set(TypeUrl.route, {
          r: anyYaml(`
"@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
name: r
virtual_hosts:
- name: all
  domains: ["*"]
  routes: ${routes(tokens)}`),
        })
        control.push()
        await eventually(() => control.acks.filter((ack) => ack.startsWith('rds')).length === turn + 1, 'the routes')
        const { port } = await proxy.listening('web')
        if (turn === 0) assert.equal(await allowed(port, '/'), 7)
        assert.equal(await allowed(port, '/own'), tokens)
      }
    } finally {
      await proxy.close(0)
      control.server.close()
      await up.close()
    }
  })
})
