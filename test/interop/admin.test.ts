/** The admin endpoint's commands, asked of Envoy and of Sluice in the same order. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { limitedFetch } from '../limited-fetch.ts'
import { envoy } from '../peers/index.ts'
import { within } from '../within.ts'
import { startWithAdmin, type Which } from './admin-peers.ts'

const peer = await envoy()
const EXTENSIONS = 'type.googleapis.com/envoy.extensions'

const BOOTSTRAP = {
  node: { id: 'n', cluster: 'mesh' },
  admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
  static_resources: {
    listeners: [
      {
        name: 'l',
        address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
        traffic_direction: 'INBOUND',
        filter_chains: [
          {
            filters: [
              {
                name: 'hcm',
                typed_config: {
                  '@type': `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
                  stat_prefix: 'in',
                  route_config: {
                    virtual_hosts: [
                      {
                        name: 'v',
                        domains: ['*'],
                        routes: [{ match: { prefix: '/' }, direct_response: { status: 204 } }],
                      },
                    ],
                  },
                  http_filters: [
                    {
                      name: 'health',
                      typed_config: {
                        '@type': `${EXTENSIONS}.filters.http.health_check.v3.HealthCheck`,
                        pass_through_mode: false,
                        headers: [{ name: ':path', string_match: { exact: '/health' } }],
                      },
                    },
                    { name: 'router', typed_config: { '@type': `${EXTENSIONS}.filters.http.router.v3.Router` } },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
  },
}

/** What each request was answered; `listener` goes to the listener, all else to the admin endpoint. */
async function observe(which: Which): Promise<string[]> {
  const { admin, port, over, stop } = await startWithAdmin(which, peer.path, BOOTSTRAP)
  const seen: string[] = []
  const ask = async (method: string, path: string, listener = false) => {
    const host = listener ? `127.0.0.1:${port}` : admin
    const headers = { connection: 'close' }
    const answer = await limitedFetch(`http://${host}${path}`, { method, headers }).catch(() => undefined)
    const text = answer === undefined ? 'refused' : `${answer.status} ${(await answer.text()).trim().slice(0, 40)}`
    const health = [...(answer?.headers ?? [])].filter(([name]) => /^x-envoy-.*health/.test(name))
    seen.push([`${method} ${path}: ${text}`, ...health.map(([name, value]) => `${name}=${value}`)].join(' '))
  }
  try {
    await ask('GET', '/ready')
    for (const stat of ['server.state', 'server.live', 'listener_manager.workers_started'])
      await ask('GET', `/stats?filter=^${stat}$`)
    for (const path of ['/healthcheck/fail', '/reset_counters', '/drain_listeners', '/quitquitquit'])
      await ask('GET', path)
    await ask('GET', '/', true)
    await ask('GET', '/health', true)
    await ask('GET', '/stats?filter=^http.in.downstream_rq_total$')
    await ask('GET', '/stats?filter=^http.in.downstream_rq_(total|4xx)$&usedonly')
    await ask('POST', '/healthcheck/fail')
    await ask('GET', '/ready')
    await ask('GET', '/stats?filter=^server.live$')
    await ask('GET', '/health', true)
    await ask('GET', '/', true)
    await ask('POST', '/healthcheck/ok')
    await ask('GET', '/ready')
    await ask('GET', '/health', true)
    await ask('POST', '/reset_counters')
    await ask('POST', '/reopen_logs')
    await ask('GET', '/stats?filter=^http.in.downstream_rq_total$')
    await ask('GET', '/nothing')
    await ask('POST', '/drain_listeners')
    await ask('GET', '/', true)
    await ask('POST', '/quitquitquit')
    await within('the end after /quitquitquit', over)
    return seen.map((line) => line.replace(/(invalid path\. admin commands are:)[\s\S]*/, '$1'))
  } finally {
    await stop()
  }
}

describe('admin commands', { skip: peer.skip }, () => {
  test('are answered as Envoy answers them', async () => {
    const [theirs, ours] = [await observe('envoy'), await observe('sluice')]
    assert.deepEqual(ours, theirs)
    assert.ok(theirs.includes('GET /: refused'))
  })
})
