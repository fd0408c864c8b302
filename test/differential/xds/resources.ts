/** Single resources as generated: good ones mostly, and those with something wrong. */
import type { Dice } from '../filters/dice.ts'
import { type Entry, HOST, type Kind } from './trial.ts'
import { KINDS } from './types.ts'
import { CLUSTERS, EXTENSIONS, LISTENERS, ROUTES, SECRETS, SERVICES, type World } from './words.ts'

const TYPE = 'type.googleapis.com/envoy'
const ADS = { ads: {}, resource_api_version: 'V3' }
const WAITS = { ...ADS, initial_fetch_timeout: '0s' }

type Json = Readonly<Record<string, unknown>>

export const NAMES: Readonly<Record<Kind, readonly string[]>> = {
  cds: CLUSTERS,
  eds: SERVICES,
  lds: LISTENERS,
  rds: ROUTES,
  sds: SECRETS,
  ecds: EXTENSIONS,
}

export class Resources {
  readonly #dice: Dice
  readonly #id: string
  readonly #world: World

  constructor(dice: Dice, id: string, world: World) {
    this.#dice = dice
    this.#id = id
    this.#world = world
  }

  /** What is no resource of this kind at all, or breaks a rule that stands in its proto. */
  unreadable(kind: Kind, word: string): Entry {
    const name = this.#id + word
    const dice = this.#dice
    if (dice.chance(0.3)) return { name, body: 'garbage' }
    const other = KINDS.filter((one) => one !== kind)
    if (dice.chance(0.3)) return { name, body: { otherKind: dice.pick(other) } }
    if (kind === 'cds') return { name, body: this.#invalidCluster(name) }
    if (kind === 'eds') return { name, body: { cluster_name: name, endpoints: this.#invalidLocalities() } }
    return { name, body: kind === 'rds' ? this.#invalidRoutes(name) : 'garbage' }
  }

  /** One of this kind and name; `bad`: with something wrong. */
  make(kind: Kind, word: string, bad: boolean): Entry {
    const name = this.#id + word
    const dice = this.#dice
    const body = this.#make[kind](name, bad)
    return { name, body, ...(dice.chance(0.1) ? { wrapped: true as const } : {}) }
  }

  readonly #make: Readonly<Record<Kind, (name: string, bad: boolean) => Json>> = {
    cds: (name, bad) => (bad ? this.#badCluster(name) : this.#cluster(name)),
    eds: (name, bad) => ({ cluster_name: name, endpoints: bad ? this.#badLocalities() : this.#localities() }),
    lds: (name, bad) => (bad ? this.#badListener(name) : this.#listener(name)),
    rds: (name, bad) => (bad ? this.#badRoutes(name) : this.#routes(name)),
    sds: (name, bad) => this.#secret(name, bad),
    ecds: (name, bad) => ({ name, typed_config: bad ? this.#badFilter() : this.#filter() }),
  }

  #cluster(name: string): Json {
    const dice = this.#dice
    const common = {
      name,
      connect_timeout: dice.pick(['1s', '2s']),
      common_lb_config: { update_merge_window: '0s', healthy_panic_threshold: { value: 0 } },
      ...(dice.chance(0.15) ? { lb_policy: 'RANDOM' } : {}),
    }
    if (dice.chance(0.4)) return { ...common, type: 'STATIC', load_assignment: this.#assignment(name) }
    const shared = dice.chance(0.2) ? { service_name: `${this.#id}shared` } : {}
    return { ...common, type: 'EDS', eds_cluster_config: { eds_config: WAITS, ...shared } }
  }

  #badCluster(name: string): Json {
    const good = this.#cluster(name)
    return this.#dice.pick<Json>([
      { name, type: 'EDS' },
      { ...good, lb_policy: 'CLUSTER_PROVIDED' },
      { name, type: 'STATIC', load_assignment: { cluster_name: name, endpoints: this.#badLocalities() } },
      {
        ...good,
        transport_socket: { name: 'x', typed_config: { '@type': `${TYPE}.config.route.v3.RouteConfiguration` } },
      },
    ])
  }

  #invalidCluster(name: string): Json {
    const good = this.#cluster(name)
    return this.#dice.pick<Json>([
      { ...good, connect_timeout: '-1s' },
      { ...good, outlier_detection: { max_ejection_percent: 101 } },
      { ...good, name: '' },
    ])
  }

  #assignment(name: string): Json {
    return { cluster_name: name, endpoints: this.#localities() }
  }

  #localities(): Json[] {
    const dice = this.#dice
    if (dice.chance(0.1)) return []
    const ports = dice.chance(0.5) ? this.#world.upstreams : this.#world.upstreams.toReversed()
    if (dice.chance(0.8)) return [{ lb_endpoints: this.#endpoints(ports) }]
    return [
      { lb_endpoints: this.#endpoints(ports.slice(0, 2)) },
      { priority: 1, lb_endpoints: this.#endpoints(ports.slice(2)) },
    ]
  }

  #badLocalities(): Json[] {
    const dice = this.#dice
    const [one] = this.#endpoints(this.#world.upstreams)
    return dice.pick<Json[]>([
      [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 'no address', port_value: 1 } } } }] }],
      [{ lb_endpoints: [{ endpoint: {} }] }],
      [{ lb_endpoints: [one] }, { priority: 2, lb_endpoints: [one] }],
      [{ lb_endpoints: [one, one] }],
    ])
  }

  #invalidLocalities(): Json[] {
    const [one] = this.#endpoints(this.#world.upstreams)
    return this.#dice.pick<Json[]>([
      [{ priority: 200, lb_endpoints: [one] }],
      [{ lb_endpoints: [{ ...one, load_balancing_weight: 0 }] }],
    ])
  }

  /** No more than one that traffic goes to: which comes first of several is left to chance. */
  #endpoints(ports: readonly number[]): Json[] {
    const dice = this.#dice
    const first = dice.int(0, ports.length - 1)
    const rest = ports.filter((_, i) => i !== first && dice.chance(0.2))
    return [
      this.#endpoint(ports[first], dice.chance(0.1) ? { health_status: dice.pick(['HEALTHY', 'DEGRADED']) } : {}),
      ...rest.map((port) => this.#endpoint(port, { health_status: dice.pick(['UNHEALTHY', 'DRAINING', 'TIMEOUT']) })),
    ]
  }

  #endpoint(port: number, more: Json): Json {
    const address = { socket_address: { address: '127.0.0.1', port_value: port } }
    const weight = this.#dice.chance(0.1) ? { load_balancing_weight: this.#dice.int(1, 3) } : {}
    return { endpoint: { address }, ...weight, ...more }
  }

  #listener(name: string): Json {
    const dice = this.#dice
    return {
      name,
      address: { socket_address: { address: HOST, port_value: this.#port(name) } },
      filter_chains: [{ filters: [this.#manager(name)], ...this.#tls(name) }],
      ...(dice.chance(0.1) ? { traffic_direction: 'INBOUND' } : {}),
      ...(dice.chance(0.1) ? { per_connection_buffer_limit_bytes: 65536 } : {}),
    }
  }

  #port(name: string): number {
    return this.#world.ports[LISTENERS.findIndex((word) => this.#id + word === name)]
  }

  #tls(name: string): Json {
    if (name !== `${this.#id}tls`) return {}
    const secret = { name: this.#id + this.#dice.pick(SECRETS), sds_config: WAITS }
    return {
      transport_socket: {
        name: 'envoy.transport_sockets.tls',
        typed_config: {
          '@type': `${TYPE}.extensions.transport_sockets.tls.v3.DownstreamTlsContext`,
          common_tls_context: { tls_certificate_sds_secret_configs: [secret] },
        },
      },
    }
  }

  #badListener(name: string): Json {
    const dice = this.#dice
    const good = this.#listener(name)
    const [chain] = good['filter_chains'] as Json[]
    return dice.pick<Json>([
      { ...good, filter_chains: [] },
      { ...good, address: undefined },
      { ...good, filter_chains: [chain, chain] },
      { ...good, filter_chains: [{ ...chain, filters: [{ name: 'x', typed_config: this.#filter() }] }] },
      { ...good, filter_chains: [{ ...chain, filters: [this.#manager(name, true)] }] },
      { ...good, filter_chains: [{ ...chain, filters: [this.#manager(name, true)] }] },
      { ...good, listener_filters: [{ name: 'x', typed_config: this.#filter() }] },
      { ...good, address: { socket_address: { address: HOST, port_value: dice.pick(this.#world.ports) } } },
      { ...good, address: { socket_address: { address: 'no address', port_value: 1 } } },
    ])
  }

  #manager(name: string, bad = false): Json {
    const dice = this.#dice
    const routes =
      bad || dice.chance(0.35)
        ? {
            route_config: {
              validate_clusters: false,
              ...(bad ? this.#badOwnRoutes(`${name}-own`) : this.#routes(`${name}-own`)),
            },
          }
        : { rds: { route_config_name: this.#id + dice.pick(ROUTES), config_source: dice.chance(0.8) ? WAITS : ADS } }
    return {
      name: 'http',
      typed_config: {
        '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
        stat_prefix: name,
        ...routes,
        http_filters: [
          ...(dice.chance(0.3) ? [this.#discovered()] : []),
          { name: 'router', typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` } },
        ],
      },
    }
  }

  #discovered(): Json {
    const dice = this.#dice
    return {
      name: this.#id + dice.pick(EXTENSIONS),
      config_discovery: {
        config_source: dice.chance(0.8) ? WAITS : ADS,
        type_urls: [
          `${TYPE}.extensions.filters.http.rbac.v3.RBAC`,
          `${TYPE}.extensions.filters.http.header_mutation.v3.HeaderMutation`,
        ],
        ...(dice.chance(0.3) ? { default_config: this.#filter() } : {}),
        ...(dice.chance(0.2) ? { apply_default_config_without_warming: true } : {}),
      },
    }
  }

  #filter(): Json {
    const rbac = `${TYPE}.extensions.filters.http.rbac.v3.RBAC`
    return this.#dice.pick<Json>([
      {
        '@type': rbac,
        rules: { action: 'DENY', policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } } },
      },
      { '@type': rbac },
      {
        '@type': rbac,
        rules: {
          action: 'DENY',
          policies: { one: { permissions: [{ url_path: { path: { exact: '/one' } } }], principals: [{ any: true }] } },
        },
      },
    ])
  }

  #badFilter(): Json {
    const rbac = `${TYPE}.extensions.filters.http.rbac.v3.RBAC`
    return this.#dice.pick<Json>([
      { '@type': `${TYPE}.extensions.filters.http.buffer.v3.Buffer`, max_request_bytes: 10 },
      { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` },
      {
        '@type': rbac,
        rules: {
          policies: {
            all: { permissions: [{ url_path: { path: { safe_regex: { regex: '(' } } } }], principals: [{ any: true }] },
          },
        },
      },
    ])
  }

  #routes(name: string): Json {
    const dice = this.#dice
    const hosts = [{ name: 'all', domains: ['*'], routes: [this.#route('/one'), this.#route('/')] }]
    if (dice.chance(0.15)) hosts.push({ name: 'a', domains: ['a.test'], routes: [this.#route('/')] })
    return {
      name,
      virtual_hosts: dice.chance(0.05) ? [] : hosts,
      ...(dice.chance(0.2) ? { validate_clusters: dice.chance(0.5) } : {}),
    }
  }

  #route(prefix: string): Json {
    const dice = this.#dice
    if (dice.chance(0.25))
      return { match: { prefix }, direct_response: { status: 200, body: { inline_string: dice.pick(['x', 'y']) } } }
    const cluster = () => this.#id + dice.pick(CLUSTERS)
    if (dice.chance(0.1))
      return { match: { prefix }, route: { weighted_clusters: { clusters: [{ name: cluster(), weight: 1 }] } } }
    return { match: { prefix }, route: { cluster: dice.chance(0.05) ? `${this.#id}none` : cluster() } }
  }

  #badRoutes(name: string): Json {
    const dice = this.#dice
    const good = this.#routes(name)
    const host = { name: 'all', domains: ['*'], routes: [this.#route('/')] }
    const action = { route: { cluster: `${this.#id}c0` } }
    return dice.pick<Json>([
      { ...good, virtual_hosts: [{ ...host, routes: [{ match: { safe_regex: { regex: '(' } }, ...action }] }] },
      { ...good, virtual_hosts: [host, { ...host, name: 'again' }] },
      { ...good, virtual_hosts: [host, { ...host, domains: ['b.test'] }] },
      {
        name,
        validate_clusters: true,
        virtual_hosts: [{ ...host, routes: [{ match: { prefix: '/' }, route: { cluster: `${this.#id}none` } }] }],
      },
    ])
  }

  /** In a listener what breaks a rule of its proto concerns this listener only. */
  #badOwnRoutes(name: string): Json {
    return this.#dice.chance(0.5) ? this.#badRoutes(name) : this.#invalidRoutes(name)
  }

  #invalidRoutes(name: string): Json {
    const good = this.#routes(name)
    const host = { name: 'all', domains: ['*'], routes: [this.#route('/')] }
    const action = { route: { cluster: `${this.#id}c0` } }
    return this.#dice.pick<Json>([
      { ...good, virtual_hosts: [{ ...host, domains: [] }] },
      { ...good, virtual_hosts: [{ ...host, name: '' }] },
      { ...good, virtual_hosts: [{ ...host, routes: [{ match: { prefix: '/' } }] }] },
      { ...good, virtual_hosts: [{ ...host, routes: [action] }] },
      { ...good, request_headers_to_add: [{ header: { key: 'bad name', value: 'x' } }] },
    ])
  }

  #secret(name: string, bad: boolean): Json {
    const dice = this.#dice
    const { pairs } = this.#world
    const [one, other] = [dice.pick(pairs), pairs[0]]
    const made = (cert: string, key: string) => ({
      name,
      tls_certificate: { certificate_chain: { inline_string: cert }, private_key: { inline_string: key } },
    })
    if (!bad) return made(one.cert, one.key)
    return dice.pick<Json>([made('no certificate', one.key), made(pairs[1].cert, other.key)])
  }
}
