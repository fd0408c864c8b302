/** One bootstrap for many cases: each has a listener and clusters of its own. */
import type { Case, ClusterSettings } from './case.ts'

const TYPE = 'type.googleapis.com/envoy'
const LOG =
  '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% route=%ROUTE_NAME% %PROTOCOL% in=%BYTES_RECEIVED% out=%BYTES_SENT% try=%UPSTREAM_REQUEST_ATTEMPT_COUNT%'

export interface Places {
  readonly logDir: string
  readonly modules: string
  /** Ports of the endpoints by case and cluster. */
  readonly ports: ReadonlyMap<string, readonly number[]>
}

export function logFile(places: Places, one: Case): string {
  return `${places.logDir}/${one.id}.log`
}

export function clusterNames(one: Case): string[] {
  return Object.keys(one.clusters ?? { up: {} })
}

export function bootstrapOf(cases: readonly Case[], places: Places): unknown {
  return {
    admin: { address: address(0) },
    layered_runtime: {
      layers: [
        { name: 'static', static_layer: { 're2.max_program_size.error_level': 1000, ...connectionLimits(cases) } },
      ],
    },
    bootstrap_extensions: [
      {
        name: 'envoy.bootstrap.internal_listener',
        typed_config: { '@type': `${TYPE}.extensions.bootstrap.internal_listener.v3.InternalListener` },
      },
    ],
    static_resources: {
      listeners: cases.flatMap((one) =>
        [listener(one, places), ...internalListeners(one, places)].map((made) => resolve(made, one, places)),
      ),
      clusters: cases.flatMap((one) => clusters(one, places)),
    },
  }
}

function connectionLimits(cases: readonly Case[]): Record<string, number> {
  const limits = cases.map(({ id, connection_limit }) => [
    `envoy.resource_limits.listener.${id}.connection_limit`,
    connection_limit,
  ])
  return Object.fromEntries(limits.filter(([, limit]) => limit !== undefined))
}

function address(port: number) {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}

function listener(one: Case, places: Places): Record<string, unknown> {
  const hosts = one.virtual_hosts ?? [
    { name: 'all', domains: ['*'], routes: one.routes ?? [{ match: { prefix: '/' }, route: { cluster: '$up' } }] },
  ]
  const manager = {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'in',
      route_config: { name: 'local', virtual_hosts: hosts, ...one.route_config },
      http_filters: [
        ...(one.filters ?? []),
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': `${TYPE}.extensions.filters.http.router.v3.Router` },
        },
      ],
      access_log: [
        {
          name: 'envoy.access_loggers.file',
          typed_config: {
            '@type': `${TYPE}.extensions.access_loggers.file.v3.FileAccessLog`,
            path: logFile(places, one),
            log_format: { text_format_source: { inline_string: `${one.log ?? LOG}\n` } },
          },
        },
      ],
      ...one.hcm,
    },
  }
  return {
    name: one.id,
    address: address(0),
    filter_chains: [{ filters: [...(one.network_filters ?? []), manager] }],
    ...one.listener,
  }
}

function internalListeners(one: Case, places: Places): Record<string, unknown>[] {
  if (one.internal === undefined) return []
  const { routes, hcm, filters } = one.internal
  const inner: Case = { id: one.id, what: one.what, steps: [], routes, filters, hcm: { access_log: [], ...hcm } }
  return [{ ...listener(inner, places), name: internalName(one), address: undefined, internal_listener: {} }]
}

function internalName(one: Case): string {
  return `${one.id}-internal`
}

function clusters(one: Case, places: Places): unknown[] {
  const settings = one.clusters ?? { up: {} }
  return Object.entries(settings).map(
    ([
      name,
      {
        hosts: _hosts,
        in_turn: _turn,
        aside: _aside,
        http2,
        answers: _answers,
        down: _down,
        endpoint_metadata: metadata,
        endpoints: more,
        groups,
        internal,
        rate_limits: limits,
        checks,
        ...rest
      },
    ]) => {
      const full = fullName(one, name)
      const endpoints = (places.ports.get(full) ?? []).map((port, i) => ({
        endpoint: { address: address(port) },
        ...(metadata === undefined ? {} : { metadata: { filter_metadata: metadata } }),
        ...more?.[i],
      }))
      return {
        name: full,
        type: 'STATIC',
        connect_timeout: '1s',
        load_assignment: {
          cluster_name: full,
          endpoints: grouped(internal === true ? [internalEndpoint(one)] : endpoints, groups),
        },
        ...(limits === undefined && checks === undefined && (http2 ?? false) === false ? {} : HTTP2),
        ...(resolve(rest, one, places) as Record<string, unknown>),
      }
    },
  )
}

function internalEndpoint(one: Case): unknown {
  return { endpoint: { address: { envoy_internal_address: { server_listener_name: internalName(one) } } } }
}

const HTTP2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
}

function grouped(endpoints: readonly unknown[], groups: ClusterSettings['groups']): unknown[] {
  if (groups === undefined) return [{ lb_endpoints: endpoints }]
  let from = 0
  return groups.map(({ size, ...rest }) => {
    from += size
    return { lb_endpoints: endpoints.slice(from - size, from), ...rest }
  })
}

export function fullName(one: Case, cluster: string): string {
  return `${one.id.replaceAll('.', '_')}-${cluster}`
}

/** Puts the names of the case's clusters and the places of modules in; `~x` as a type means `type.googleapis.com/envoy.x`. */
function resolve(value: unknown, one: Case, places: Places): unknown {
  if (typeof value === 'string') {
    if (value.startsWith('~')) return `${TYPE}.${value.slice(1)}`
    return value
      .replaceAll('$modules', places.modules)
      .replaceAll('$log', logFile(places, one))
      .replace(/\$(\w+)/g, (all, name) => (clusterNames(one).includes(name) ? fullName(one, name) : all))
  }
  if (Array.isArray(value)) return value.map((item) => resolve(item, one, places))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, one, places)]))
}
