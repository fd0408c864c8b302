/** What tools read at the admin address: Envoy and Sluice answer in the same forms. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually } from '../../src/proxy/testing.ts'
import { fetchText, limitedFetch } from '../limited-fetch.ts'
import { envoy } from '../peers/index.ts'
import { type Administered, startWithAdmin } from './admin-peers.ts'

const peer = await envoy()
const EXTENSIONS = 'type.googleapis.com/envoy.extensions'
const ANY_PORT = { socket_address: { address: '127.0.0.1', port_value: 0 } }

const BOOTSTRAP = {
  node: { id: 'n', cluster: 'mesh' },
  admin: { address: ANY_PORT },
  // Of Envoy's histograms only what was flushed is told.
  stats_flush_interval: '0.05s',
  static_resources: {
    listeners: [
      {
        name: 'l',
        address: ANY_PORT,
        additional_addresses: [{ address: ANY_PORT }],
        filter_chains: [
          {
            filters: [
              {
                name: 'hcm',
                typed_config: {
                  '@type': `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
                  stat_prefix: 'in',
                  route_config: {
                    name: 'own',
                    virtual_hosts: [
                      {
                        name: 'v',
                        domains: ['*'],
                        routes: [{ match: { prefix: '/' }, direct_response: { status: 204 } }],
                      },
                    ],
                  },
                  http_filters: [
                    { name: 'router', typed_config: { '@type': `${EXTENSIONS}.filters.http.router.v3.Router` } },
                  ],
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
        type: 'STATIC',
        load_assignment: {
          cluster_name: 'other',
          endpoints: [
            {
              lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 9 } } } }],
            },
          ],
        },
      },
    ],
  },
}

describe('the forms of the admin endpoint', { skip: peer.skip }, () => {
  const both: Administered[] = []

  before(async () => {
    for (const which of ['envoy', 'sluice'] as const) both.push(await startWithAdmin(which, peer.path, BOOTSTRAP))
  })
  after(() => Promise.all(both.map(({ stop }) => stop())))

  const ask = async ({ admin }: Administered, path: string) => fetchText(`http://${admin}${path}`)

  test('histograms are told by quantiles', async () => {
    const FILTER = 'filter=^http.in.downstream_rq_time$|^http.in.downstream_rq_total$'
    const answers: unknown[][] = []
    for (const proxy of both) {
      const text = async () => (await ask(proxy, `/stats?${FILTER}`)).replaceAll(/\(.*?\)/g, '(…)')
      const json = async (query: string) =>
        JSON.parse(await ask(proxy, `/stats?${FILTER}&format=json${query}`), (key, value) =>
          key === 'cumulative' || key === 'interval' ? '…' : value,
        )
      const seen = [await text(), await json('&usedonly')]
      assert.equal((await limitedFetch(`http://127.0.0.1:${proxy.port}/`)).status, 204)
      await eventually(async () => /P0/.test(await text()))
      seen.push(await text(), await json(''), await json('&type=Histograms'), await json('&type=Counters'))
      answers.push(seen)
    }
    const [theirs, ours] = answers
    assert.deepEqual(ours, theirs)
    assert.match(String(theirs[2]), /downstream_rq_time: P0\(…\) P25/)
  })
  test('a listener is told once, with all its addresses', async () => {
    const [theirs, ours] = await Promise.all(
      both.map(async (proxy) =>
        JSON.parse(await ask(proxy, '/listeners?format=json'), (key, value) => (key === 'port_value' ? '…' : value)),
      ),
    )
    assert.deepEqual(ours, theirs)
    assert.equal(theirs.listener_statuses[0].additional_local_addresses.length, 1)
  })

  test('the state of the server and its options, of which hot restarts are none', async () => {
    const [theirs, ours] = await Promise.all(
      both.map(async (proxy) => {
        const {
          state,
          hot_restart_version,
          command_line_options: options,
        } = JSON.parse(await ask(proxy, '/server_info'))
        const { disable_hot_restart, drain_time, concurrency } = options
        assert.match(drain_time, /^\d+s$/)
        return [state, hot_restart_version, disable_hot_restart, typeof concurrency]
      }),
    )
    assert.deepEqual(ours, theirs)
  })

  test('dumps of the configuration come in one order with the same lists', async () => {
    const [theirs, ours] = await Promise.all(
      both.map(async (proxy) => {
        const parts = async (query: string) => {
          const { configs } = JSON.parse(await ask(proxy, `/config_dump${query}`)) as { configs: object[] }
          return configs.map((part) => Object.entries(part).map(([key, value]) => (key === '@type' ? value : key)))
        }
        return [await parts(''), await parts('?include_eds'), await parts('?name_regex=nobody')]
      }),
    )
    assert.deepEqual(ours, theirs)
    assert.match(JSON.stringify(theirs[1]), /EndpointsConfigDump","static_endpoint_configs"/)
  })

  for (const query of [
    'resource=static_route_configs',
    'resource=static_route_configs&name_regex=^own$',
    'resource=static_route_configs&name_regex=^v$',
    'resource=dynamic_route_configs',
    'resource=dynamic_warming_secrets',
    'resource=inline_scoped_route_configs',
    'resource=static_listeners&name_regex=l',
    'resource=dynamic_listeners',
    'resource=static_clusters',
    'resource=ecds_filters',
    'resource=static_endpoint_configs',
    'resource=static_endpoint_configs&include_eds',
    'resource=static_endpoint_configs&include_eds&name_regex=other',
    'resource=dynamic_endpoint_configs&include_eds',
    'resource=bootstrap',
    'resource=nothing',
  ]) {
    test(`/config_dump?${query}`, async () => {
      const [theirs, ours] = await Promise.all(
        both.map(async ({ admin }) => {
          const answer = await limitedFetch(`http://${admin}/config_dump?${query}`)
          const text = await answer.text()
          if (!answer.ok) return [answer.status, text.trim().split(/[;.]/)[0]]
          // Envoy writes no empty lists, and endpoints as it has resolved them.
          const { configs = [] } = JSON.parse(text, (key, value) =>
            key === 'last_updated' ? '…' : key === 'endpoints' || key === 'policy' ? undefined : value,
          )
          return [answer.status, configs]
        }),
      )
      assert.deepEqual(ours, theirs)
    })
  }
})
