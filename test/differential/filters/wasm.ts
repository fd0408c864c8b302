/** A module that plays a program (test/conformance/proxy-wasm/modules), and tells what its calls have answered in headers and counters. */
import { probe } from '../../conformance/proxy-wasm/modules/probe.ts'
import type { Case, Step } from '../../parity/case.ts'
import { METADATA } from './access-log.ts'
import type { Dice } from './dice.ts'

type Generated = Omit<Case, 'id' | 'what'>

const MODULE = await probe('0.2.1')

/** Each has a VM of its own, as the module never frees. */
function plugin(vm_id: string, sections: Readonly<Record<string, readonly string[]>>): unknown {
  const program = Object.entries(sections).map(([name, lines]) => [`[${name}]`, ...lines].join('\n'))
  return {
    name: 'wasm',
    typed_config: {
      '@type': '~extensions.filters.http.wasm.v3.Wasm',
      config: {
        name: 'plugin',
        root_id: 'root',
        vm_config: { vm_id, runtime: 'envoy.wasm.runtime.v8', code: { local: { filename: MODULE } } },
        configuration: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: program.join('\n') },
      },
    },
  }
}

/** None tells a time, a size that the network decides, or a port as a number. */
const LEAVES: Readonly<Record<string, readonly string[]>> = {
  request: [
    ...['path', 'url_path', 'query', 'host', 'scheme', 'method', 'referer', 'useragent', 'protocol', 'size'],
    ...['headers.x-a', 'headers.X-A', 'headers.:path', 'headers.none', 'headers.x-empty', 'headers.host', 'none', ''],
  ],
  response: [
    ...[
      'code',
      'code_details',
      'flags',
      'grpc_status',
      'size',
      'headers.x-a',
      'headers.:status',
      'headers.none',
      'none',
    ],
    ...['trailers.x-t', 'trailers.none', 'trailers', 'backend_latency.x'],
  ],
  connection: [
    ...['mtls', 'requested_server_name', 'tls_version', 'subject_local_certificate', 'subject_peer_certificate'],
    ...[
      'dns_san_local_certificate',
      'uri_san_peer_certificate',
      'sha256_peer_certificate_digest',
      'termination_details',
    ],
    ...['transport_failure_reason', 'none'],
  ],
  source: ['none', 'address.x'],
  destination: ['address', 'none'],
  upstream: [
    ...['address', 'tls_version', 'transport_failure_reason', 'request_attempt_count', 'locality', 'none'],
    ...['subject_local_certificate', 'uri_san_peer_certificate'],
  ],
  xds: [
    ...[
      'cluster_name',
      'route_name',
      'virtual_host_name',
      'filter_chain_name',
      'listener_direction',
      'upstream_host_locality',
    ],
    ...[
      'cluster_metadata.filter_metadata.t.s',
      'route_metadata.filter_metadata.t.n',
      'route_metadata.filter_metadata.t.f',
    ],
    ...[
      'route_metadata.filter_metadata.t.b',
      'route_metadata.filter_metadata.t.l',
      'route_metadata.filter_metadata.t.z',
    ],
    ...[
      'route_metadata.filter_metadata.t.o',
      'route_metadata.filter_metadata.t.o.a.b',
      'route_metadata.filter_metadata.none',
    ],
    ...[
      'upstream_host_metadata.filter_metadata.t.big',
      'virtual_host_metadata.filter_metadata.t.s',
      'none',
      'node.id.x',
    ],
    ...[
      'listener_metadata.filter_metadata.t.s',
      'route_metadata.filter_metadata.t.empty',
      'route_metadata.typed_filter_metadata.t',
    ],
    ...['route_metadata.filter_metadata.t.l.0', 'route_metadata.filter_metadata.t.s.x'],
  ],
  metadata: ['filter_metadata.t', 'filter_metadata.none.x', 'typed_filter_metadata', 'none'],
  filter_state: ['none', 'wasm.k', 'none.x'],
  upstream_filter_state: ['none'],
  node: ['id', 'cluster', 'none', 'metadata.none', 'locality.region'],
}
/** Of their own, or as they were before they stood below `xds`. */
const ROOTS = [
  ...[
    'plugin_name',
    'plugin_root_id',
    'plugin_vm_id',
    'cluster_name',
    'route_name',
    'listener_direction',
    'k',
    'wasm.k',
  ],
  ...[
    'route_metadata.filter_metadata.t.s',
    'cluster_metadata.filter_metadata.t.n',
    'listener_metadata',
    'none',
    'none.x',
  ],
  ...['upstream_host_metadata.filter_metadata.t.s', 'response.x', 'virtual_host_name', 'filter_chain_name', 'request'],
  ...[
    'response',
    'connection',
    'source',
    'destination',
    'upstream',
    'xds',
    'filter_state',
    'metadata',
    'upstream_filter_state',
  ],
  ...[
    'request.headers.x-a.x',
    'response.headers.x-a.x',
    'metadata.filter_metadata',
    'xds.route_metadata.filter_metadata.t.o',
  ],
]
const SEPARATORS = ['\\x00', '\\x00', '\\x00', '\\x00', '\\x00', '\\x00', '\\x00', '.', '\\x00\\x00', '/']

function propertyPath(dice: Dice): string {
  const root = dice.pick(Object.keys(LEAVES))
  const dotted = dice.chance(0.8) ? `${root}.${dice.pick(LEAVES[root] as readonly string[])}` : dice.pick(ROOTS)
  const path = dotted.replaceAll('.', dice.pick(SEPARATORS))
  return dice.pick([path, path, path, path, path, `${path}\\x00`, `\\x00${path}`, path.toUpperCase()])
}

function property(dice: Dice): string {
  if (dice.chance(0.07))
    return `~set_property "${dice.pick(['k', 'k', 'a.b', ''])}" "${dice.pick(['v', '', '\\xff', 'w'])}"`
  return `~get_property "${propertyPath(dice)}" >s`
}

function upstream(dice: Dice): Case['upstream'] {
  return dice.list(1, 2, () => ({
    status: dice.pick([200, 200, 404, 503]),
    headers: {
      'x-a': dice.pick(['1', ['1', '2'], '']),
      ...(dice.chance(0.3) ? { 'content-type': 'application/grpc', 'grpc-status': dice.pick(['0', '5', 'x']) } : {}),
    },
    ...dice.pick([
      { body: 'hello' },
      { body: '' },
      { chunks: ['hel', 'lo'] },
      { chunks: ['hello'], trailers: { 'x-t': '1', 'grpc-status': '7' } },
    ]),
  }))
}

function steps(dice: Dice): Step[] {
  return dice.list(
    1,
    2,
    (): Step => ({
      send: {
        method: dice.pick(['GET', 'POST', 'POST', 'HEAD']),
        path: dice.pick(['/', '/p?x=1', '/p?', '/%7e?a=%20&b', '/direct']),
        headers: {
          'x-a': dice.pick(['1', ['1', '2'], '']),
          'x-empty': '',
          ...(dice.chance(0.3) ? { referer: 'http://r/', 'user-agent': 'probe' } : {}),
          ...(dice.chance(0.2) ? { 'content-type': 'application/grpc' } : {}),
        },
        ...dice.pick([{}, { body: 'hello' }, { chunks: ['he', 'llo'] }, { chunks: ['abc'], trailers: { 'x-t': 'v' } }]),
      },
      expect: {},
    }),
  )
}

/** Both ways end in trailers as they came. */
const TRAILERS = {
  hcm: { http_protocol_options: { enable_trailers: true } },
  cluster: {
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': '~extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http_protocol_options: { enable_trailers: true } },
      },
    },
  },
}

const DIRECT = {
  match: { path: '/direct' },
  name: 'direct',
  direct_response: { status: 403, body: { inline_string: 'no' } },
}

export function wasmPropertiesCase(dice: Dice): Generated {
  const own = `wasm${dice.int(0, 1e9)}`
  const ask = (most: number) => dice.list(1, most, () => property(dice))
  const metadata = { filter_metadata: METADATA }
  return {
    hcm: TRAILERS.hcm,
    stats: { [`wasmcustom.${own}`]: {} },
    clusters: { up: { ...TRAILERS.cluster, endpoint_metadata: METADATA, metadata } },
    routes: [DIRECT, { match: { prefix: '/' }, name: 'rr', route: { cluster: '$up' }, metadata }],
    filters: [
      plugin(own, {
        request_headers: [...ask(5), 'tell 0 "x-told-request"'],
        response_headers: [...ask(4), 'tell 2 "x-told-response"'],
        response_trailers: [...ask(3), 'tell 3 "x-told-trailers"'],
        log: ['~get_property "request\\x00method" >s', ...ask(6), `tell metric "${own}."`],
      }),
    ],
    upstream: upstream(dice),
    steps: steps(dice),
  }
}

const ORDINARY = [
  ...[
    'x-a',
    'x-a',
    'X-A',
    'x-new',
    'x-empty',
    'x-none',
    'cookie',
    'content-type',
    'etag',
    'set-cookie',
    'accept',
    'vary',
  ],
  ...['server', 'x-forwarded-for', 'user-agent', 'referer', 'authorization', 'x-envoy-attempt-count', 'location'],
]
/** To read and to remove; what a host lets a module write of them test/conformance has. */
const READ = [
  ...[':path', ':method', ':authority', ':scheme', ':status', 'host', 'Host', 'te', 'upgrade', 'keep-alive'],
  ...['', 'x b', ':new', 'x\\x00b', '\\xe9', '(x)', ':PATH'],
]
const VALUES = ['1', '', 'two words', ' x ', 'a,b', '\\x09', '5']
/** What a message cannot be without, as it may be. */
const PSEUDO: Readonly<Record<number, readonly (readonly [string, readonly string[]])[]>> = {
  0: [
    [':path', ['/new?x', '/p', '/direct']],
    [':method', ['GET', 'PUT', 'HEAD']],
    [':authority', ['b.example', 'b.example:81']],
    ['host', ['c.example']],
  ],
  2: [[':status', ['200', '404', '503', '299']]],
}

function headerCall(dice: Dice, map: number): string {
  const reads = dice.chance(0.6)
  const name = `"${dice.pick(reads || dice.chance(0.1) ? [...ORDINARY, ...READ] : ORDINARY)}"`
  const value = `"${dice.pick(VALUES)}"`
  const which = dice.chance(0.95) ? map : dice.pick([4, 6, 8, 99])
  if (reads) {
    return dice.pick([
      `~get_header_map_value ${which} ${name} >s`,
      `~get_header_map_value ${which} ${name} >s`,
      `~get_header_map_size ${which} >u`,
      `~get_header_map_pairs ${which} >m`,
    ])
  }
  const pseudo = PSEUDO[map]
  if (pseudo !== undefined && dice.chance(0.15)) {
    const [key, values] = dice.pick(pseudo)
    // Added, it is a second one in Envoy, with which no message can go on.
    return `~replace_header_map_value ${map} "${key}" "${dice.pick(values)}"`
  }
  const written = `"${dice.pick(ORDINARY)}"`
  return dice.pick([
    `~add_header_map_value ${which} ${written} ${value === '""' ? '"1"' : value}`,
    `~replace_header_map_value ${which} ${written} ${value}`,
    `~remove_header_map_value ${which} ${dice.chance(0.1) ? name : written}`,
    `~set_header_map_pairs ${which} m"${setPairs(dice, which)}"`,
  ])
}

/** With what a message cannot be without; in Envoy no request without x-forwarded-proto has a route. */
function setPairs(dice: Dice, map: number): string {
  const needed =
    map === 0
      ? [':method=GET', ':path=/set', ':authority=a', ':scheme=http', 'x-forwarded-proto=http']
      : map === 2
        ? [':status=201']
        : []
  return [
    ...needed,
    ...dice.list(0, 3, () => `${dice.pick(['x-a', 'x-new', 'X-S', 'set-cookie'])}=${dice.pick(['1', '', 'a,b'])}`),
  ].join(';')
}

export function wasmHeadersCase(dice: Dice): Generated {
  const own = `wasm${dice.int(0, 1e9)}`
  const calls = (map: number, most: number) => dice.list(1, most, () => headerCall(dice, map))
  return {
    hcm: TRAILERS.hcm,
    clusters: { up: TRAILERS.cluster },
    routes: [DIRECT, { match: { prefix: '/' }, route: { cluster: '$up' } }],
    filters: [
      plugin(own, {
        request_headers: [...calls(0, 5), 'tell 0 "x-told-request"'],
        request_trailers: [...calls(1, 3), 'tell 1 "x-told-trailers"'],
        response_headers: [
          '~remove_header_map_value 2 "x-envoy-upstream-service-time"',
          ...calls(2, 5),
          'tell 2 "x-told-response"',
        ],
        response_trailers: [...calls(3, 3), 'tell 3 "x-told-trailers"'],
      }),
    ],
    upstream: upstream(dice),
    steps: steps(dice),
  }
}
