/** Zone-aware routing beside Envoy: which zones get how much, and what is counted. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fetchText } from '../limited-fetch.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../parity/proxies.ts'
import { envoy } from '../peers/index.ts'
import { within } from '../within.ts'

const peer = await envoy()
const TYPE = 'type.googleapis.com/envoy.extensions'
const REQUESTS = 800

interface Case {
  /** Hosts by zone. */
  readonly hosts: Readonly<Record<string, number>>
  readonly more?: unknown
  readonly weights?: Readonly<Record<string, number>>
  readonly localityWeights?: Readonly<Record<string, number>>
  /** Of the requests, by zone, as Envoy's algorithm gives it. */
  readonly shares: Readonly<Record<string, number>>
  /** Of the requests, what is counted of each; a counter without a part is only known to be raised. */
  readonly counted: Readonly<Record<string, number | 'some'>>
}

const zoneAware = (settings: unknown) => ({ common_lb_config: { zone_aware_lb_config: settings } })
const typed = (settings: unknown) => ({
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: 'p',
          typed_config: {
            '@type': `${TYPE}.load_balancing_policies.random.v3.Random`,
            locality_lb_config: { zone_aware_lb_config: settings },
          },
        },
      },
    ],
  },
})

const PROXIES = { a: 4, b: 4, c: 2 }

const CASES: Readonly<Record<string, Case>> = {
  residual: {
    hosts: { a: 2, b: 4, c: 2 },
    shares: { a: 0.625, b: 0.25, c: 0.125 },
    counted: { zone_routing_sampled: 0.625, zone_routing_cross_zone: 0.375 },
  },
  direct: { hosts: { a: 4, b: 2, c: 2 }, shares: { a: 1 }, counted: { zone_routing_all_directly: 1 } },
  stranger: {
    hosts: { b: 4, c: 4 },
    shares: { b: 0.25, c: 0.75 },
    counted: { zone_routing_cross_zone: 1 },
  },
  small: { hosts: { a: 2, b: 3 }, shares: { a: 0.4, b: 0.6 }, counted: { zone_cluster_too_small: 'some' } },
  'small-taken': {
    hosts: { a: 2, b: 3 },
    more: zoneAware({ min_cluster_size: 5 }),
    shares: { a: 1 },
    counted: { zone_routing_all_directly: 1 },
  },
  off: {
    hosts: { a: 4, b: 4 },
    more: zoneAware({ routing_enabled: { value: 0 } }),
    shares: { a: 0.5, b: 0.5 },
    counted: {},
  },
  half: {
    hosts: { a: 4, b: 4 },
    more: zoneAware({ routing_enabled: { value: 50 } }),
    shares: { a: 0.75, b: 0.25 },
    counted: { zone_routing_all_directly: 0.5 },
  },
  forced: {
    hosts: { a: 1, b: 7 },
    more: typed({ force_local_zone: {} }),
    shares: { a: 1 },
    counted: { zone_routing_all_directly: 1 },
  },
  'forced-in-vain': {
    hosts: { a: 1, b: 7 },
    more: typed({ force_local_zone: { min_size: 2 } }),
    shares: { a: 0.3125, b: 0.6875 },
    counted: { zone_routing_sampled: 0.3125, zone_routing_cross_zone: 0.6875 },
  },
  'by-weight': {
    hosts: { a: 2, b: 4, c: 2 },
    weights: { a: 3 },
    more: typed({ locality_basis: 'HEALTHY_HOSTS_WEIGHT' }),
    shares: { a: 1 },
    counted: { zone_routing_all_directly: 1 },
  },
  'locality-weighted': {
    hosts: { a: 4, b: 4 },
    localityWeights: { a: 1, b: 3 },
    more: { common_lb_config: { locality_weighted_lb_config: {} } },
    shares: { a: 0.25, b: 0.75 },
    counted: {},
  },
}

/** Where the other proxies are not what zones could be compared with. */
const UNSOUND: Readonly<
  Record<string, { local: Readonly<Record<string, number>>; sick?: string; cases: Record<string, Case> }>
> = {
  'without its own zone among the proxies': {
    local: { b: 4, c: 4 },
    cases: {
      up: { hosts: { a: 4, b: 4 }, shares: { a: 0.5, b: 0.5 }, counted: { local_cluster_not_ok: 'some' } },
    },
  },
  'with proxies of one zone': {
    local: { a: 4 },
    cases: {
      up: { hosts: { a: 2, b: 6 }, shares: { a: 0.25, b: 0.75 }, counted: {} },
      forced: {
        hosts: { a: 2, b: 6 },
        more: typed({ force_local_zone: {} }),
        shares: { a: 1 },
        counted: { zone_routing_all_directly: 1 },
      },
    },
  },
  'with the proxies in panic': {
    local: { a: 1, b: 3 },
    sick: 'b',
    cases: {
      up: { hosts: { a: 2, b: 6 }, shares: { a: 0.25, b: 0.75 }, counted: { local_cluster_not_ok: 1 } },
      failing: {
        hosts: { a: 2, b: 6 },
        more: zoneAware({ fail_traffic_on_panic: true }),
        shares: { 503: 1 },
        counted: { local_cluster_not_ok: 1 },
      },
    },
  },
}

const address = (ip: string, port: number) => ({ socket_address: { address: ip, port_value: port } })

/** Each host has an address of its own on loopback, by zone. */
function cluster(name: string, port: number, { hosts, weights = {}, localityWeights = {}, more }: Case, sick = '') {
  const endpoints = Object.entries(hosts).map(([zone, count]) => ({
    locality: { zone },
    load_balancing_weight: localityWeights[zone],
    lb_endpoints: Array.from({ length: count }, (_, n) => ({
      endpoint: { address: address(`127.0.${zone.charCodeAt(0)}.${n + 1}`, port) },
      load_balancing_weight: weights[zone],
      health_status: zone === sick ? 'UNHEALTHY' : 'HEALTHY',
    })),
  }))
  return {
    name,
    type: 'STATIC',
    lb_policy: 'RANDOM',
    load_assignment: { cluster_name: name, endpoints },
    ...(more as object),
  }
}

function bootstrap(
  port: number,
  local: Readonly<Record<string, number>>,
  sick: string,
  cases: Readonly<Record<string, Case>>,
) {
  const routes = Object.keys(cases).map((name) => ({ match: { path: `/${name}` }, route: { cluster: name } }))
  const manager = {
    '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'in',
    route_config: { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes }] },
    http_filters: [{ name: 'router', typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` } }],
  }
  const listener = {
    name: 'l',
    address: address('127.0.0.1', 0),
    filter_chains: [{ filters: [{ name: 'f', typed_config: manager }] }],
  }
  const proxies = cluster('proxies', 1, { hosts: local, shares: {}, counted: {} }, sick)
  return {
    node: { id: 'n', cluster: 'proxies', locality: { zone: 'a' } },
    cluster_manager: { local_cluster_name: 'proxies' },
    admin: { address: address('127.0.0.1', 0) },
    static_resources: {
      listeners: [listener],
      clusters: [proxies, ...Object.entries(cases).map(([name, one]) => cluster(name, port, one))],
    },
  }
}

function ask(agent: Agent, port: number | undefined, path: string): Promise<string> {
  const answered = new Promise<string>((resolve, reject) => {
    request({ agent, host: '127.0.0.1', port, path }, (response) => {
      let body = ''
      response.setEncoding('latin1')
      response.on('data', (text) => (body += text))
      response.on('end', () => resolve(response.statusCode === 200 ? body : String(response.statusCode)))
    })
      .on('error', reject)
      .end()
  })
  return within(`the answer to ${path}`, answered)
}

interface Seen {
  readonly shares: Record<string, number>
  readonly counters: Record<string, number>
}

async function observe(
  start: (config: unknown, dir: string) => Promise<RunningProxy>,
  local: Readonly<Record<string, number>>,
  sick: string,
  cases: Readonly<Record<string, Case>>,
): Promise<Map<string, Seen>> {
  const server = createServer((incoming, response) => {
    response.end(String.fromCharCode(Number(incoming.socket.localAddress?.split('.')[2])))
  }).listen(0, '0.0.0.0')
  await once(server, 'listening')
  const dir = mkdtempSync(join(tmpdir(), 'sluice-zones-'))
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 8 })
  let running: RunningProxy | undefined
  try {
    const proxy = await start(bootstrap(port, local, sick, cases), dir)
    running = proxy
    const seen = new Map<string, Seen>()
    for (const name of Object.keys(cases)) {
      const asking = Array.from({ length: REQUESTS }, () => ask(agent, proxy.ports.get('l'), `/${name}`))
      const shares: Record<string, number> = {}
      for (const zone of await Promise.all(asking)) shares[zone] = (shares[zone] ?? 0) + 1 / REQUESTS
      seen.set(name, { shares, counters: {} })
    }
    const text = await fetchText(`http://${proxy.admin}/stats?filter=lb_`)
    for (const [, name, counter, value] of text.matchAll(/^cluster\.([^.]+)\.lb_(zone_\w+|local_\w+): (\d+)$/gm)) {
      const one = seen.get(name)
      if (one !== undefined && value !== '0') one.counters[counter] = Number(value)
    }
    return seen
  } finally {
    agent.destroy()
    await running?.stop()
    server.closeAllConnections()
    server.close()
    rmSync(dir, { recursive: true })
  }
}

/** Within five standard deviations. */
function near(actual: number, expected: number, what: string): void {
  const bound = 5 * Math.sqrt((expected * (1 - expected)) / REQUESTS)
  assert.ok(Math.abs(actual - expected) <= bound + 1e-9, `${what}: ${actual} instead of ${expected}`)
}

function check({ shares, counters }: Seen, expected: Case, who: string): void {
  assert.deepEqual(Object.keys(shares).sort(), Object.keys(expected.shares).sort(), who)
  for (const [zone, share] of Object.entries(expected.shares)) near(shares[zone], share, `${who}, zone ${zone}`)
  // While Envoy starts, it may calculate once before it knows the local hosts.
  const raised = Object.keys(counters).filter((name) => name in expected.counted || counters[name] > 5)
  assert.deepEqual(raised.sort(), Object.keys(expected.counted).sort(), who)
  for (const [name, part] of Object.entries(expected.counted))
    if (part !== 'some') near(counters[name] / REQUESTS, part, `${who}, lb_${name}`)
}

describe('zone-aware routing, as in Envoy', { skip: peer.skip }, () => {
  for (const [what, { local, sick = '', cases }] of Object.entries({
    'among zones': { local: PROXIES, cases: CASES },
    ...UNSOUND,
  } as typeof UNSOUND)) {
    test(what, async () => {
      const theirs = await observe((config, dir) => startEnvoy(peer.path, config, dir), local, sick, cases)
      const ours = await observe((config) => startSluice(config), local, sick, cases)
      for (const [name, expected] of Object.entries(cases)) {
        check(theirs.get(name) as Seen, expected, `Envoy, ${name}`)
        check(ours.get(name) as Seen, expected, `ours, ${name}`)
      }
    })
  }
})
