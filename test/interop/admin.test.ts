/** The admin endpoint's commands, asked of Envoy and of Sluice in the same order. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { parseBootstrap, startProxy } from '../../src/proxy/index.ts'
import { startEnvoy } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'

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

interface Running {
  readonly admin: string
  readonly port: number
  /** Resolves when it has ended by itself, or been asked to. */
  readonly over: Promise<unknown>
  stop(): Promise<void>
}

async function start(which: 'envoy' | 'sluice'): Promise<Running> {
  if (which === 'envoy') {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-admin-'))
    const proxy = await startEnvoy(peer.path, BOOTSTRAP, dir)
    const admin = readFileSync(join(dir, 'admin'), 'utf8')
    const over = (async () => {
      while (await fetch(`http://${admin}/ready`).catch(() => undefined)) await new Promise((r) => setTimeout(r, 50))
    })()
    const stop = async () => {
      await proxy.stop()
      rmSync(dir, { recursive: true })
    }
    return { admin, port: proxy.ports.get('l') as number, over, stop }
  }
  const proxy = await startProxy({ bootstrap: parseBootstrap(JSON.stringify(BOOTSTRAP), 'admin'), workers: 2 })
  const stop = () => proxy.close(100)
  return { admin: proxy.adminAddress as string, port: proxy.listeners()[0].port, over: proxy.quit, stop }
}

/** What each request was answered; `listener` goes to the listener, all else to the admin endpoint. */
async function observe(which: 'envoy' | 'sluice'): Promise<string[]> {
  const { admin, port, over, stop } = await start(which)
  const seen: string[] = []
  const ask = async (method: string, path: string, listener = false) => {
    const host = listener ? `127.0.0.1:${port}` : admin
    const headers = { connection: 'close' }
    const answer = await fetch(`http://${host}${path}`, { method, headers }).catch(() => undefined)
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
    await over
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
