/** Access loggers: proxy_on_log of a plugin that stands in an access_log. */
import type { Case, Exchange, Expected } from '../case.ts'
import { program } from './build.ts'

const ENVOY = 'Envoy source/extensions/access_loggers/wasm: '
const COMMON = 'Envoy source/extensions/common/wasm/context.cc, Context::log: '

/** A request and a response with all their parts. */
const WHOLE: Exchange = {
  request: { method: 'POST', path: '/p?q=1', headers: [['x-a', '1']], body: ['abc'], trailers: [['t', '1']] },
  upstream: { status: 201, headers: [['x-b', '2']], body: ['defg'], trailers: [['u', '1']] },
  expect: { status: 201 },
}

/** A case of which the log callback runs a few statements. */
function logged(id: string, source: string, statements: string, log: readonly Expected[], more: Partial<Case> = {}) {
  const config = program(`[log]\n${statements}`)
  return { id: `log-${id}`, kind: 'access-log', source, config, log, exchanges: [WHOLE], ...more } as const
}

const get = (dotted: string) => `get_property "${dotted.replaceAll('.', '\\x00')}" >s`
const is = (value: string) => `get_property 0 "${value}"`
const int = (value: number) =>
  is(`${value < 127 && value > 31 ? String.fromCharCode(value) : hex(value)}${'\\x00'.repeat(7)}`)
const hex = (value: number) => `\\x${value.toString(16).padStart(2, '0')}`
const SOME = /^get_property 0 ".+"$/
const MISSING = 'get_property 1'

/** Of the exchange above, when it is over. */
const ATTRIBUTES: readonly [string, Expected][] = [
  ['request.path', is('/p?q=1')],
  ['request.url_path', is('/p')],
  ['request.query', is('q=1')],
  ['request.host', is('example.test')],
  ['request.method', is('POST')],
  ['request.scheme', is('http')],
  ['request.protocol', is('HTTP/1.1')],
  ['request.headers.x-a', is('1')],
  ['request.size', int(3)],
  ['request.total_size', SOME],
  ['request.duration', SOME],
  ['request.time', SOME],
  ['response.code', is('\\xc9\\x00\\x00\\x00\\x00\\x00\\x00\\x00')],
  ['response.code_details', is('via_upstream')],
  ['response.headers.x-b', is('2')],
  ['response.trailers.u', is('1')],
  ['response.size', int(4)],
  ['response.total_size', SOME],
  ['response.flags', int(0)],
  ['connection.id', SOME],
  ['connection.mtls', is('\\x00')],
  ['source.address', SOME],
  ['upstream.address', SOME],
  ['xds.route_name', is('main')],
  ['xds.cluster_name', is('upstream')],
  ['xds.node.id', is('node-1')],
  ['xds.listener_direction', int(0)],
  ['plugin_root_id', /^get_property 0 "log-attribute-/],
  ['upstream.transport_failure_reason', is('')],
  ['nothing', MISSING],
]

const http: Case[] = [
  logged(
    'context',
    `${ENVOY}proxy_on_log of the root context, and no context of its own`,
    'say $ctx $root',
    [/^(\d+) \1$/],
    {
      config: program(`[configure]
    set root $ctx
    [context_create]
    say "create"
    [log]
    say $ctx $root
    [done]
    say "done"
    [delete]
    say "delete"`),
    },
  ),
  logged(
    'each',
    `${ENVOY}once for each request`,
    'get_header_map_value 0 ":path" >s',
    ['get_header_map_value 0 "/a"', 'get_header_map_value 0 "/b"'],
    {
      exchanges: [{ request: { path: '/a' } }, { request: { path: '/b' } }],
    },
  ),
  logged(
    'request-headers',
    `${COMMON}request headers`,
    'get_header_map_value 0 "x-a" >s\nget_header_map_value 0 ":method" >s',
    ['get_header_map_value 0 "1"', 'get_header_map_value 0 "POST"'],
  ),
  logged('request-pairs', `${COMMON}request headers`, 'get_header_map_pairs 0 >m', [
    /^get_header_map_pairs 0 \{.*:path=\/p\?q=1.*x-a=1/,
  ]),
  logged(
    'response-headers',
    `${COMMON}response headers`,
    'get_header_map_value 2 ":status" >s\nget_header_map_value 2 "x-b" >s',
    ['get_header_map_value 0 "201"', 'get_header_map_value 0 "2"'],
  ),
  logged(
    'response-trailers',
    `${COMMON}response trailers`,
    'get_header_map_value 3 "u" >s\nget_header_map_pairs 3 >m',
    ['get_header_map_value 0 "1"', 'get_header_map_pairs 0 {u=1}'],
  ),
  logged('request-trailers', `${COMMON}request trailers are gone`, 'get_header_map_value 1 "t" >s', [
    'get_header_map_value 1',
  ]),
  logged(
    'missing',
    `${COMMON}what is not there is NOT_FOUND`,
    'get_header_map_value 2 "none" >s\nget_header_map_value 3 "u" >s',
    ['get_header_map_value 1', 'get_header_map_value 1'],
    { exchanges: [{}] },
  ),
  logged('callout-maps', `${COMMON}maps of callouts are not there`, 'get_header_map_value 6 ":status" >s', [
    'get_header_map_value 1',
  ]),
  logged(
    'read-only',
    `${COMMON}nothing can be changed`,
    'add_header_map_value 0 "a" "b"\nreplace_header_map_value 2 "a" "b"\nremove_header_map_value 2 "x-b"\nset_header_map_pairs 2 m"a=b"',
    ['add_header_map_value 2', 'replace_header_map_value 2', 'remove_header_map_value 2', 'set_header_map_pairs 2'],
  ),
  logged(
    'no-stream',
    `${COMMON}there is no stream to act on: OK, without effect`,
    'send_local_response 500 "d" "b" m"" -1\ncontinue_stream 0\ncontinue_stream 1\nclose_stream 0',
    ['send_local_response 0', 'continue_stream 0', 'continue_stream 0', 'close_stream 0'],
  ),
  logged(
    'property-set',
    `${COMMON}there is no stream to keep a property`,
    'set_property "x" "y"\nget_property "x" >s',
    ['set_property 1', 'get_property 1'],
  ),
  logged(
    'property-of-filter',
    `${ENVOY}filters run before loggers: what they have set is there`,
    'get_property "told" >s',
    ['get_property 0 "by filter"'],
    {
      filter: { config: '[request_headers]\nset_property "told" "by filter"' },
    },
  ),
  logged(
    'callout',
    'Envoy: a callout belongs to the root context, so it outlives the entry',
    'http_call "upstream" m":method=GET;:path=/callout/200;:authority=a" "" m"" 1000 >u',
    ['http_call 0 4', 'answer'],
    {
      plugin: { vmId: 'vm-log-callout' },
      config: program(`[log]
    http_call "upstream" m":method=GET;:path=/callout/200;:authority=a" "" m"" 1000 >u
    [http_call_response]
    say "answer"`),
      exchanges: [{}],
    },
  ),
  logged(
    'metric',
    'proxy-wasm/spec abi-versions/v0.2.1: metrics live as long as the VM',
    '~increment_metric $m 2L\nget_metric $m >q',
    ['get_metric 0 2', 'get_metric 0 4'],
    {
      plugin: { vmId: 'vm-log-metric' },
      config: program(`[configure]
    ~define_metric 0 "log_metric" >u=m
    [log]
    ~increment_metric $m 2L
    get_metric $m >q`),
      exchanges: [{}, {}],
    },
  ),
  logged(
    'shared-data',
    'proxy-wasm/spec abi-versions/v0.2.1: shared data of the vm_id',
    '~set_shared_data "k" "v" 0\nget_shared_data "k" >s >u',
    [/^get_shared_data 0 "v" \d+$/],
    {
      plugin: { vmId: 'vm-log-shared' },
      exchanges: [{}],
    },
  ),
  logged('tick', `${ENVOY}timers run as in any root context`, 'say "log"', [], {
    config: program(`[configure]
    ~set_tick_period_milliseconds 20
    [tick#1]
    say "tick"`),
    log: undefined,
    logIncludes: ['tick'],
    exchanges: [{}],
  }),
  {
    id: 'log-trap',
    kind: 'access-log',
    source: `${ENVOY}an entry that traps costs no request; later entries are lost`,
    plugin: { vmId: 'vm-log-trap' },
    config: '[log#1]\nsay "one"\ntrap\n[log#2]\nsay "two"',
    exchanges: [{ expect: { response: { body: 'upstream' } } }, { expect: { response: { body: 'upstream' } } }],
    logIncludes: ['one'],
  },
  {
    id: 'log-capability',
    kind: 'access-log',
    source: 'proxy-wasm-cpp-host: a callback that is not allowed is not called',
    plugin: {
      vmId: 'vm-log-cap',
      allowedCapabilities: ['proxy_log', 'proxy_get_buffer_bytes', 'proxy_on_configure', 'proxy_on_context_create'],
    },
    config: '[configure]\nsay "configured"\n[log]\nsay "log"',
    startLog: ['configured'],
    log: [],
  },
  {
    id: 'log-old-abi',
    kind: 'access-log',
    module: 'probe-0.1.0',
    source: 'proxy-wasm/spec abi-versions/v0.1.0: a header that is not there is OK and empty',
    config: '[log]\nget_header_map_value 0 "none" >s\nget_header_map_value 0 ":path" >s',
    log: ['get_header_map_value 0 ""', 'get_header_map_value 0 "/"'],
  },
  {
    id: 'log-refused',
    kind: 'access-log',
    source: `${ENVOY}a plugin that refuses its configuration is refused with its listener`,
    config: '[configure]\nreturn 0',
    refused: /SL4011/,
  },
  ...ATTRIBUTES.map(
    ([name, expected]): Case =>
      logged(`attribute-${name}`, `${COMMON}attributes of the finished stream`, get(name), [expected]),
  ),
]

const tcp: Case[] = [
  {
    id: 'log-tcp',
    kind: 'tcp-access-log',
    source: `${ENVOY}once for each connection of a TCP proxy`,
    config: '[log]\nsay "log"',
    exchanges: [{ request: { body: ['one'] }, expect: { response: { body: 'one' } } }, { request: { body: ['two'] } }],
    log: ['log', 'log'],
  },
  {
    id: 'log-tcp-no-headers',
    kind: 'tcp-access-log',
    source: `${COMMON}a connection has no headers`,
    config: '[log]\nget_header_map_value 0 ":path" >s\nget_header_map_pairs 2 >m\nadd_header_map_value 0 "a" "b"',
    exchanges: [{ request: { body: ['hello'] } }],
    log: ['get_header_map_value 1', 'get_header_map_pairs 0 {}', 'add_header_map_value 2'],
  },
  ...(
    [
      ['request.path', MISSING],
      ['response.code', MISSING],
      ['request.duration', SOME],
      ['request.total_size', int(5)],
      ['connection.id', SOME],
      ['upstream.address', SOME],
      ['xds.cluster_name', is('echo')],
      ['plugin_root_id', /^get_property 0 "log-tcp-/],
    ] as const
  ).map(
    ([name, expected]): Case => ({
      id: `log-tcp-attribute-${name}`,
      kind: 'tcp-access-log',
      source: `${COMMON}attributes of the finished connection`,
      config: `[log]\n${get(name)}`,
      exchanges: [{ request: { body: ['hello'] } }],
      log: [expected],
    }),
  ),
  {
    id: 'log-tcp-trap',
    kind: 'tcp-access-log',
    source: `${ENVOY}an entry that traps costs no connection`,
    plugin: { vmId: 'vm-log-tcp-trap' },
    config: '[log]\nsay "one"\ntrap',
    exchanges: [
      { request: { body: ['hello'] }, expect: { response: { body: 'hello' } } },
      { request: { body: ['again'] }, expect: { response: { body: 'again' } } },
    ],
    logIncludes: ['one'],
  },
]

export const cases: Case[] = [...http, ...tcp]
