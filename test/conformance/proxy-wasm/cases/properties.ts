/** Properties: paths, encodings, and the tree of attributes. */
import type { Case, Exchange } from '../case.ts'
import { inRequestHeaders, inResponseHeaders, program } from './build.ts'

const ENVOY = 'Envoy source/extensions/common/wasm/context.cc: '
const ATTRIBUTES = 'Envoy docs, attributes: '

/** `a.b` as a path of two segments. */
const path = (dotted: string) => `"${dotted.replaceAll('.', '\\x00')}"`
const int = (value: number) =>
  Buffer.from(new BigInt64Array([BigInt(value)]).buffer).reduce(
    (text, byte) =>
      text + (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`),
    '',
  )
const get = (dotted: string) => `get_property ${path(dotted)} >s`
const is = (value: string) => `get_property 0 "${value}"`
const MISSING = 'get_property 1'

const request: Exchange = {
  request: {
    method: 'POST',
    path: '/p/a?x=1&y=2',
    headers: [
      ['user-agent', 'probe/1'],
      ['referer', 'http://r/'],
      ['x-request-id', 'id-1'],
      ['x-a', '1'],
      ['x-a', '2'],
    ],
    body: 'hello',
  },
}

/** In the request headers callback of the request above. */
const REQUEST: readonly [string, string | RegExp][] = [
  ['request.path', is('/p/a?x=1&y=2')],
  ['request.url_path', is('/p/a')],
  ['request.query', is('x=1&y=2')],
  ['request.host', is('example.test')],
  ['request.scheme', is('http')],
  ['request.method', is('POST')],
  ['request.referer', is('http://r/')],
  ['request.useragent', is('probe/1')],
  ['request.id', is('id-1')],
  ['request.protocol', is('HTTP/1.1')],
  ['request.headers.x-a', is('1,2')],
  ['request.headers.X-A', is('1,2')],
  ['request.headers.none', MISSING],
  ['request.headers.host', is('example.test')],
  ['request.headers.:path', is('/p/a?x=1&y=2')],
  ['request.time', /^get_property 0 ".+"$/],
  ['request.size', is(int(5))],
  ['request.nothing', MISSING],
  ['response.code', MISSING],
  ['response.headers', MISSING],
  ['response.size', is(int(0))],
  ['connection.mtls', is('\\x00')],
  ['connection.id', /^get_property 0 ".+"$/],
  ['connection.requested_server_name', is('')],
  ['connection.tls_version', MISSING],
  ['connection.uri_san_peer_certificate', MISSING],
  ['upstream.address', MISSING],
  ['request', 'get_property 3'],
  ['response', 'get_property 3'],
  ['connection', 'get_property 3'],
  ['filter_state', 'get_property 3'],
  ['plugin_vm_id', is('shared')],
  ['connection_id', /^get_property 0 ".+"$/],
  ['xds.node.id', is('node-1')],
  ['xds.node.cluster', is('cluster-1')],
  ['xds.node.metadata.TEAM', is('red')],
  ['xds.node.metadata.LABELS.app', is('probe')],
  ['xds.node.locality.region', is('r1')],
  ['xds.cluster_name', is('upstream')],
  ['xds.route_name', is('main')],
  ['xds.virtual_host_name', is('all')],
  ['xds.listener_direction', is(int(0))],
  ['xds.route_metadata.filter_metadata.test.team', is('blue')],
  ['nothing', MISSING],
  ['nothing.at.all', MISSING],
  ['', MISSING],
]

const requestTree: Case[] = REQUEST.map(([dotted, line]) =>
  inRequestHeaders(`property-${dotted === '' ? 'empty' : dotted}`, `${ATTRIBUTES}${dotted}`, get(dotted), [line], {
    exchanges: [request],
  }),
)

const identity: Case[] = [
  inRequestHeaders('property-plugin_name', `${ATTRIBUTES}plugin_name`, get('plugin_name'), [
    is('property-plugin_name'),
  ]),
  inRequestHeaders('property-plugin_root_id', `${ATTRIBUTES}plugin_root_id`, get('plugin_root_id'), [is('my-root')], {
    plugin: { rootId: 'my-root' },
  }),
  {
    id: 'property-plugin_root_id-early',
    source: 'proxy-wasm-cpp-sdk: the root id is read while the root context is created',
    config: '[configure]\nget_property "plugin_root_id" >s',
    startLog: [is('property-plugin_root_id-early')],
  },
  {
    id: 'property-node-at-start',
    source: `${ATTRIBUTES}xds.node without a stream`,
    config: `[configure]\n${get('xds.node.id')}\n${get('request.path')}`,
    startLog: [is('node-1'), MISSING],
  },
]

const response: Case[] = [
  inResponseHeaders('property-response-code', `${ATTRIBUTES}response.code`, get('response.code'), [is(int(201))], {
    exchanges: [{ upstream: { status: 201 }, expect: { status: 201 } }],
  }),
  inResponseHeaders(
    'property-response-header',
    `${ATTRIBUTES}response.headers`,
    `${get('response.headers.x-u')}\n${get('response.headers.none')}`,
    [is('1'), MISSING],
    { exchanges: [{ upstream: { headers: [['x-u', '1']] } }] },
  ),
  inResponseHeaders(
    'property-request-in-response',
    `${ATTRIBUTES}request.* stays readable`,
    `${get('request.path')}\n${get('request.headers.host')}`,
    [is('/'), is('example.test')],
  ),
  inResponseHeaders('property-upstream-address', `${ATTRIBUTES}upstream.address`, get('upstream.address'), [
    /^get_property 0 ".+upstream"$/,
  ]),
  {
    id: 'property-at-log',
    source: `${ATTRIBUTES}final numbers in the log callback`,
    config: program(`[log]
    ${get('response.code')}
    ${get('response.size')}
    ${get('request.size')}
    ${get('response.code_details')}
    get_property "request\\x00duration" >s
    get_property "request\\x00total_size" >s
    get_property "response\\x00total_size" >s`),
    exchanges: [request],
    log: [
      is(int(200)),
      is(int(8)),
      is(int(5)),
      is('via_upstream'),
      /^get_property 0 /,
      /^get_property 0 /,
      /^get_property 0 /,
    ],
  },
  {
    id: 'property-local-reply-details',
    source: `${ENVOY}details of a local reply, white space replaced`,
    config: program(`[request_headers]
    ~send_local_response 403 "my own  details" "no" "" -1
    return 1
    [log]
    ${get('response.code')}
    ${get('response.code_details')}`),
    log: [is(int(403)), is('my_own__details')],
    exchanges: [{ expect: { status: 403 } }],
  },
  {
    id: 'property-response-trailers',
    source: `${ATTRIBUTES}response.trailers`,
    config: `[log]\n${get('response.trailers.u')}`,
    log: [is('2')],
    exchanges: [{ upstream: { body: ['a'], trailers: [['u', '2']] } }],
  },
  {
    id: 'property-grpc-status',
    source: `${ATTRIBUTES}response.grpc_status`,
    config: `[log]\n${get('response.grpc_status')}`,
    log: [is(int(5))],
    exchanges: [
      {
        request: { method: 'POST', headers: [['content-type', 'application/grpc']] },
        upstream: {
          headers: [
            ['content-type', 'application/grpc'],
            ['grpc-status', '5'],
          ],
          body: '',
        },
      },
    ],
  },
]

const maps: Case[] = [
  inRequestHeaders(
    'property-map',
    `${ENVOY}a map is serialised as pairs`,
    'get_property "xds\\x00node\\x00metadata\\x00LABELS" >m',
    ['get_property 0 {app=probe}'],
  ),
  inRequestHeaders(
    'property-number-in-struct',
    `${ENVOY}a number of a Struct is a double`,
    get('xds.route_metadata.filter_metadata.test.size'),
    [is('\\x00\\x00\\x00\\x00\\x00\\x00\\x08@')],
  ),
  inRequestHeaders(
    'property-trailing-nul',
    'proxy-wasm-cpp-sdk may end a path with NUL',
    'get_property "request\\x00method\\x00" >s',
    [is('GET')],
  ),
  inRequestHeaders(
    'property-dots-are-no-separators',
    `${ENVOY}paths are not split at dots`,
    'get_property "request.method" >s',
    [MISSING],
  ),
]

const setting: Case[] = [
  inRequestHeaders(
    'property-set',
    `${ENVOY}set_property stores wasm.<path> in the filter state`,
    'set_property "mine" "v"\nget_property "mine" >s\nget_property "filter_state\\x00wasm.mine" >s',
    ['set_property 0', is('v'), is('v')],
  ),
  inRequestHeaders(
    'property-set-twice',
    `${ENVOY}set_property overwrites`,
    '~set_property "mine" "v"\nset_property "mine" "w"\nget_property "mine" >s',
    ['set_property 0', is('w')],
  ),
  inRequestHeaders(
    'property-set-empty',
    `${ENVOY}an empty value is a value`,
    'set_property "mine" ""\nget_property "mine" >s',
    ['set_property 0', is('')],
  ),
  inRequestHeaders(
    'property-set-binary',
    `${ENVOY}values are bytes`,
    '~set_property "mine" "\\x00\\xff"\nget_property "mine" >s',
    [is('\\x00\\xff')],
  ),
  inRequestHeaders(
    'property-set-dotted',
    `${ENVOY}a dotted name is one segment`,
    '~set_property "a.b" "v"\nget_property "a.b" >s\nget_property "a\\x00b" >s',
    [is('v'), MISSING],
  ),
  inRequestHeaders(
    'property-set-lasts',
    `${ENVOY}the filter state lasts as long as the stream`,
    '~set_property "mine" "v"\n[log]\nget_property "mine" >s',
    [is('v')],
  ),
  {
    id: 'property-set-on-root',
    source: `${ENVOY}without a stream there is no filter state: NOT_FOUND`,
    config: '[configure]\nset_property "mine" "v"',
    startLog: ['set_property 1'],
  },
]

const FOREIGN = 'Envoy source/extensions/common/wasm/foreign.cc: '

/** Protobuf messages by hand: field number and a string or a varint. */
const str = (field: number, value: string) => String.fromCharCode((field << 3) | 2, value.length) + value
const num = (field: number, value: number) => String.fromCharCode(field << 3, value)
const quoted = (text: string) =>
  `"${[...text].map((c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')}"`

const foreign: Case[] = [
  inRequestHeaders('foreign-unknown', `${FOREIGN}NOT_FOUND`, 'call_foreign_function "nothing" "x" >s', [
    'call_foreign_function 1',
  ]),
  inRequestHeaders('foreign-compress', `${FOREIGN}compress is zlib`, 'call_foreign_function "compress" "hello" >s', [
    /^call_foreign_function 0 "x/,
  ]),
  inRequestHeaders(
    'foreign-uncompress',
    `${FOREIGN}uncompress`,
    `call_foreign_function "uncompress" ${quoted('x\x9c\xcbH\xcd\xc9\xc9\x07\x00\x06,\x02\x15')} >s`,
    ['call_foreign_function 0 "hello"'],
  ),
  inRequestHeaders(
    'foreign-uncompress-garbage',
    `${FOREIGN}uncompress fails with SERIALIZATION_FAILURE`,
    'call_foreign_function "uncompress" "garbage" >s',
    ['call_foreign_function 3'],
  ),
  inRequestHeaders(
    'foreign-clear-route-cache',
    `${FOREIGN}clear_route_cache`,
    'call_foreign_function "clear_route_cache" "" >s',
    ['call_foreign_function 0 ""'],
  ),
  inRequestHeaders(
    'foreign-expr',
    `${FOREIGN}expr_create, expr_evaluate, expr_delete`,
    `call_foreign_function "expr_create" "request.method == 'GET'" >s=bytes`,
    [/^call_foreign_function 0 ".+"$/],
  ),
  inRequestHeaders(
    'foreign-expr-bad',
    `${FOREIGN}expr_create refuses what is no CEL`,
    'call_foreign_function "expr_create" "1 +" >s',
    ['call_foreign_function 2'],
  ),
  inRequestHeaders(
    'foreign-expr-unknown',
    `${FOREIGN}expr_evaluate of an unknown token`,
    'call_foreign_function "expr_evaluate" "\\xff\\x00\\x00\\x7f" >s',
    ['call_foreign_function 1'],
  ),
  inRequestHeaders(
    'foreign-declare',
    `${FOREIGN}declare_property`,
    `call_foreign_function "declare_property" ${quoted(str(1, 'decl1') + num(3, 1))} >s\nset_property "decl1" "v"\nget_property "decl1" >s`,
    ['call_foreign_function 0 ""', 'set_property 0', is('v')],
  ),
  inRequestHeaders(
    'foreign-declare-twice',
    `${FOREIGN}declare_property twice: BAD_ARGUMENT`,
    `call_foreign_function "declare_property" ${quoted(str(1, 'decl2'))} >s\ncall_foreign_function "declare_property" ${quoted(str(1, 'decl2'))} >s`,
    ['call_foreign_function 0 ""', 'call_foreign_function 2'],
  ),
  {
    id: 'foreign-declare-read-only',
    source: `${FOREIGN}a read-only property that the root context declared is set once`,
    config: program(`[configure]
    call_foreign_function "declare_property" ${quoted(str(1, 'decl3') + num(2, 1))} >s
    [request_headers]
    set_property "decl3" "v"
    set_property "decl3" "w"
    get_property "decl3" >s`),
    startLog: ['call_foreign_function 0 ""'],
    log: ['set_property 0', 'set_property 2', is('v')],
  },
  inRequestHeaders(
    'foreign-declare-garbage',
    `${FOREIGN}declare_property of what is no message: BAD_ARGUMENT`,
    'call_foreign_function "declare_property" "\\xff\\xff\\xff" >s',
    ['call_foreign_function 2'],
  ),
  inRequestHeaders(
    'foreign-filter-state',
    `${FOREIGN}set_envoy_filter_state of an unknown key`,
    `call_foreign_function "set_envoy_filter_state" ${quoted(str(1, 'no.such.key') + str(2, 'v'))} >s`,
    ['call_foreign_function 0 ""'],
  ),
  inRequestHeaders(
    'foreign-verify-nothing',
    `${FOREIGN}verify_signature of nothing: BAD_ARGUMENT`,
    'call_foreign_function "verify_signature" "" >s',
    ['call_foreign_function 2'],
  ),
  inRequestHeaders(
    'foreign-sign-nothing',
    `${FOREIGN}sign with nothing: BAD_ARGUMENT`,
    'call_foreign_function "sign" "" >s',
    ['call_foreign_function 2'],
  ),
]

export const cases: Case[] = [...requestTree, ...identity, ...response, ...maps, ...setting, ...foreign]
