/** HTTP callouts: dispatch, delivery on the root context, failures. */
import type { Case } from '../case.ts'
import { inRequestHeaders, program } from './build.ts'

const SPEC = 'proxy-wasm/spec abi-versions/v0.2.1: proxy_http_call: '
const ENVOY = 'Envoy source/extensions/common/wasm/context.cc: '

const TO = (path: string, more = '') => `m":method=GET;:path=${path};:authority=called${more}"`

/** A callout that holds the request; `then` runs on the root context when it is answered, and the request goes on. */
function called(
  id: string,
  source: string,
  call: string,
  then: string,
  log: Case['log'],
  more: Partial<Case> = {},
): Case {
  const config = program(`[request_headers]
    ~${call} >u=id
    return 1
    [http_call_response]
    ${then}
    ~set_effective_context $stream
    ~continue_stream 0`)
  return { id, source, config, log, exchanges: [{ expect: { upstream: { path: '/' } } }], ...more }
}

const answered: Case[] = [
  called(
    'call-status',
    `${SPEC}the response's headers`,
    `http_call "upstream" ${TO('/callout/201')} "" "" 1000`,
    'get_header_map_value 6 ":status" >s',
    ['get_header_map_value 0 "201"'],
  ),
  called(
    'call-body',
    `${SPEC}the response's body`,
    `http_call "upstream" ${TO('/callout/200')} "payload" "" 1000`,
    'say $a3\nget_buffer_bytes 4 0 100 >s',
    ['14', 'get_buffer_bytes 0 "called payload"'],
  ),
  called(
    'call-body-part',
    `${SPEC}a part of the response's body`,
    `http_call "upstream" ${TO('/callout/200')} "payload" "" 1000`,
    'get_buffer_bytes 4 7 3 >s\nget_buffer_status 4 >u >u',
    ['get_buffer_bytes 0 "pay"', 'get_buffer_status 0 14 0'],
  ),
  called(
    'call-body-read-only',
    `${ENVOY}the response's body cannot be written`,
    `http_call "upstream" ${TO('/callout/200')} "" "" 1000`,
    'set_buffer_bytes 4 0 100 "x"',
    ['set_buffer_bytes 2'],
  ),
  called(
    'call-headers-read-only',
    `${ENVOY}the response's headers cannot be written`,
    `http_call "upstream" ${TO('/callout/200')} "" "" 1000`,
    'add_header_map_value 6 "a" "b"\nreplace_header_map_value 6 "a" "b"\nremove_header_map_value 6 "a"\nset_header_map_pairs 6 m"a=b"',
    ['add_header_map_value 2', 'replace_header_map_value 2', 'remove_header_map_value 2', 'set_header_map_pairs 2'],
  ),
  called(
    'call-no-trailers',
    `${ENVOY}no trailers: count 0, map empty`,
    `http_call "upstream" ${TO('/callout/200')} "" "" 1000`,
    'say $a4\nget_header_map_pairs 7 >m',
    ['0', 'get_header_map_pairs 0 {}'],
  ),
  called(
    'call-error-status',
    `${ENVOY}an error response is a response`,
    `http_call "upstream" ${TO('/callout/500')} "" "" 1000`,
    'get_header_map_value 6 ":status" >s',
    ['get_header_map_value 0 "500"'],
  ),
  called(
    'call-token',
    `${SPEC}the token comes back`,
    `http_call "upstream" ${TO('/callout/200')} "" "" 1000`,
    'set difference $a1\nsay $a1 $id',
    [/^(\d+) \1$/],
  ),
  called(
    'call-on-root',
    `${ENVOY}delivered on the root context`,
    `http_call "upstream" ${TO('/callout/200')} "" "" 1000`,
    'get_header_map_value 0 ":path" >s\nset_effective_context $stream\nget_header_map_value 0 ":path" >s',
    ['get_header_map_value 2', 'set_effective_context 0', 'get_header_map_value 0 "/"'],
  ),
  called(
    'call-changes-request',
    `${ENVOY}a held request can be changed from the callout's callback`,
    `http_call "upstream" ${TO('/callout/200')} "" "" 1000`,
    '~set_effective_context $stream\nadd_header_map_value 0 "x-called" "1"',
    ['add_header_map_value 0'],
    { exchanges: [{ expect: { upstream: { headers: { 'x-called': '1' } } } }] },
  ),
  called(
    'call-0.1.0',
    `${SPEC}in ABI 0.1.0`,
    `http_call "upstream" ${TO('/callout/201')} "" "" 1000`,
    'get_header_map_value 6 ":status" >s\n~set_effective_context $stream\ncontinue_request',
    ['get_header_map_value 0 "201"', 'continue_request 0'],
    { module: 'probe-0.1.0' },
  ),
  called(
    'call-timeout',
    `${ENVOY}a timeout is a 504 response of the proxy`,
    `http_call "upstream" ${TO('/callout/1')} "" "" 60`,
    'get_header_map_value 6 ":status" >s\nget_buffer_bytes 4 0 100 >s',
    ['get_header_map_value 0 "504"', 'get_buffer_bytes 0 "upstream request timeout"'],
  ),
  called(
    'call-no-host',
    `${SPEC}a cluster without a host answers with the proxy's 503`,
    `http_call "empty" ${TO('/')} "" "" 1000`,
    'get_header_map_value 6 ":status" >s',
    ['get_header_map_value 0 "503"'],
  ),
  called(
    'call-refused',
    `${ENVOY}a refused connection: a 503 response of the proxy`,
    `http_call "refusing" ${TO('/')} "" "" 1000`,
    'get_header_map_value 6 ":status" >s',
    ['get_header_map_value 0 "503"'],
  ),
  called(
    'call-reset',
    `${ENVOY}a connection lost before the response: a 503 response of the proxy`,
    `http_call "upstream" ${TO('/callout/0')} "" "" 1000`,
    'get_header_map_value 6 ":status" >s',
    ['get_header_map_value 0 "503"'],
  ),
  called(
    'call-reset-text',
    'Envoy source/common/router/router.cc: calls go through a router as well, whose words the body has',
    `http_call "upstream" ${TO('/callout/0')} "" "" 1000`,
    'get_buffer_bytes 4 59 100 >s',
    ['get_buffer_bytes 0 "reset reason: connection termination"'],
    { needsProxy: true },
  ),
  called(
    'call-two',
    `${SPEC}several at once, each with a token of its own`,
    `http_call "upstream" ${TO('/callout/200')} "1" "" 1000 >u=first\n~http_call "upstream" ${TO('/callout/200')} "2" "" 1000`,
    'say "answered"',
    ['answered', 'answered'],
    { exchanges: [{}] },
  ),
]

/** Refused at once. */
const REFUSED: readonly [string, string, number, string][] = [
  ['unknown-cluster', `"nowhere" ${TO('/')} "" "" 1000`, 2, 'BAD_ARGUMENT for an unknown upstream'],
  ['empty-cluster', `"" ${TO('/')} "" "" 1000`, 2, 'BAD_ARGUMENT for an unknown upstream'],
  ['no-path', '"upstream" m":method=GET;:authority=a" "" "" 1000', 2, 'BAD_ARGUMENT without :path'],
  ['no-method', '"upstream" m":path=/;:authority=a" "" "" 1000', 2, 'BAD_ARGUMENT without :method'],
  ['no-authority', '"upstream" m":method=GET;:path=/" "" "" 1000', 2, 'BAD_ARGUMENT without :authority'],
  ['no-headers', '"upstream" "" "" "" 1000', 2, 'BAD_ARGUMENT without headers'],
  ['broken-headers', '"upstream" "\\x05\\x00\\x00\\x00garbage" "" "" 1000', 2, 'a broken map is an empty one'],
]

const refused: Case[] = REFUSED.map(([name, call, status, why]) =>
  inRequestHeaders(`call-${name}`, `${SPEC}${why}`, `http_call ${call} >u`, [`http_call ${status}`]),
)

const ids: Case[] = [
  inRequestHeaders(
    'call-ids',
    'proxy-wasm-cpp-host: the two lowest bits of a token are its kind, 0 for HTTP',
    `http_call "upstream" ${TO('/callout/200')} "" "" 1000 >u=id\nreturn 0`,
    [/^http_call 0 (\d*([02468][048]|[13579][26])|[48])$/],
  ),
  inRequestHeaders(
    'call-outlives-stream',
    `${ENVOY}a callout belongs to the root context and outlives its stream`,
    `~http_call "upstream" ${TO('/callout/200')} "" "" 1000 >u\n~send_local_response 200 "d" "done" "" -1\nreturn 1\n[http_call_response]\nget_header_map_value 6 ":status" >s`,
    ['get_header_map_value 0 "200"'],
    { exchanges: [{ expect: { response: { body: 'done' } } }] },
  ),
]

/** Ids end in their kind: 0 HTTP call, 1 gRPC call, 2 gRPC stream. */
const BAD_IDS: readonly [string, number][] = [
  ['grpc_send 9999998 "x" 0', 1],
  ['grpc_send 9999997 "x" 0', 2],
  ['grpc_send 9999996 "x" 0', 2],
  ['grpc_cancel 9999998', 1],
  ['grpc_cancel 9999997', 1],
  ['grpc_cancel 9999996', 2],
  ['grpc_close 9999998', 1],
  ['grpc_close 9999997', 1],
  ['grpc_close 9999996', 2],
]

const GRPC = 'Envoy source/common/grpc/async_client_impl.cc: '
const INITIAL = 'get_header_map_value 0 "i1"'
const NONE = 'get_header_map_value 1'
/** How streams end: the method of the service, and what is seen. */
const ENDS: readonly (readonly [name: string, method: string, log: readonly string[]])[] = [
  ['empty-message', 'Echo', [INITIAL, 'get_buffer_bytes 0 ""', 'get_header_map_value 0 "0"', 'close 0']],
  ['trailers-alone', 'Fail', [NONE, 'get_header_map_value 0 "7"', 'close 7']],
  ['no-trailers', 'NoTrailers', [INITIAL, 'get_buffer_bytes 0 "half"', NONE, 'close 2']],
  ['no-status', 'NoStatus', [INITIAL, 'get_buffer_bytes 0 "half"', NONE, 'close 2']],
  ['reset', 'Reset', [INITIAL, NONE, 'close 13']],
  ['compressed', 'Compressed', [INITIAL, NONE, 'close 13']],
  ['http-503', 'Plain', [NONE, NONE, 'close 14']],
  ['http-404', 'NotThere', [NONE, NONE, 'close 12']],
  ['odd-status', 'OddStatus', [INITIAL, 'get_buffer_bytes 0 "odd"', 'get_header_map_value 0 "x"', 'close 2']],
  ['ended-early', 'Early', [INITIAL, 'get_buffer_bytes 0 "early"', 'get_header_map_value 0 "0"', 'close 0']],
]

/** gRPC: unary calls and streams. */
const grpc: Case[] = [
  {
    id: 'grpc-call',
    source: `${ENVOY}grpcCall: success is on_grpc_receive only`,
    config: program(`[request_headers]
    ~grpc_call "grpc" "s.S" "Echo" "" "hi" 1000 >u=id
    return 1
    [grpc_receive_initial_metadata]
    say "initial"
    [grpc_receive]
    say $a2
    get_buffer_bytes 5 0 100 >s
    ~set_effective_context $stream
    ~continue_stream 0
    [grpc_close]
    say "close" $a2`),
    log: ['2', 'get_buffer_bytes 0 "hi"'],
    exchanges: [{ expect: { upstream: { path: '/' } } }],
  },
  {
    id: 'grpc-call-fails',
    source: `${ENVOY}grpcCall: failure is on_grpc_close; the message through proxy_get_status`,
    config: program(`[request_headers]
    ~grpc_call "grpc" "s.S" "Fail" "" "hi" 1000 >u=id
    return 1
    [grpc_close]
    say $a2
    get_status >u >s
    ~set_effective_context $stream
    ~continue_stream 0`),
    log: ['7', /^get_status 0 7 "not you/],
    exchanges: [{ expect: { upstream: { path: '/' } } }],
  },
  {
    id: 'grpc-call-timeout',
    source: `${ENVOY}grpcCall: a timeout closes as what 504 stands for, UNAVAILABLE`,
    config: program(`[request_headers]
    ~grpc_call "grpc" "s.S" "Hang" "" "hi" 60 >u=id
    return 1
    [grpc_close]
    say $a2
    ~set_effective_context $stream
    ~continue_stream 0`),
    log: ['14'],
    exchanges: [{ expect: { upstream: { path: '/' } } }],
  },
  {
    id: 'grpc-call-no-host',
    source: `${ENVOY}grpcCall: without a host it closes as UNAVAILABLE`,
    config: program(`[request_headers]
    grpc_call "empty" "s.S" "Echo" "" "hi" 1000 >u=id
    [grpc_close]
    say $a2`),
    log: [/^grpc_call 0 \d+$/, '14'],
    exchanges: [{}],
    hostOnly: 'Envoy 1.40 aborts when a gRPC call fails before it has begun',
  },
  {
    id: 'grpc-stream',
    source: `${ENVOY}grpcStream: initial metadata, messages, trailing metadata, close`,
    config: program(`[request_headers]
    ~grpc_stream "grpc" "s.S" "Echo" "" >u=id
    grpc_send $id "one" 0
    grpc_send $id "two" 1
    return 1
    [grpc_receive_initial_metadata]
    get_header_map_value 4 "x-initial" >s
    [grpc_receive]
    get_buffer_bytes 5 0 100 >s
    [grpc_receive_trailing_metadata]
    get_header_map_value 5 "x-trailing" >s
    [grpc_close]
    say "close" $a2
    ~set_effective_context $stream
    ~continue_stream 0`),
    log: [
      'grpc_send 0',
      'grpc_send 0',
      'get_header_map_value 0 "i1"',
      'get_buffer_bytes 0 "one"',
      'get_buffer_bytes 0 "two"',
      'get_header_map_value 0 "t1"',
      'close 0',
    ],
    exchanges: [{ expect: { upstream: { path: '/' } } }],
  },
  {
    id: 'grpc-stream-fails',
    source: `${ENVOY}grpcStream: the server's status closes`,
    config: program(`[request_headers]
    ~grpc_stream "grpc" "s.S" "Fail" "" >u=id
    ~grpc_send $id "one" 1
    return 1
    [grpc_close]
    say $a2
    get_status >u >s
    ~set_effective_context $stream
    ~continue_stream 0`),
    log: ['7', /^get_status 0 7 "not you/],
    exchanges: [{ expect: { upstream: { path: '/' } } }],
  },
  {
    id: 'grpc-stream-cancel',
    source: `${ENVOY}grpcCancel resets at once, without a callback`,
    config: program(`[request_headers]
    ~grpc_stream "grpc" "s.S" "Hang" "" >u=id
    grpc_cancel $id
    grpc_send $id "x" 0
    [grpc_close]
    say "close"`),
    log: ['grpc_cancel 0', 'grpc_send 1'],
  },
  {
    id: 'grpc-stream-close',
    source: `${ENVOY}grpcClose half-closes a stream`,
    config: program(`[request_headers]
    ~grpc_stream "grpc" "s.S" "Echo" "" >u=id
    ~grpc_send $id "one" 0
    grpc_close $id
    return 1
    [grpc_receive]
    get_buffer_bytes 5 0 100 >s
    [grpc_close]
    say "close" $a2
    ~set_effective_context $stream
    ~continue_stream 0`),
    log: ['grpc_close 0', 'get_buffer_bytes 0 "one"', 'close 0'],
    exchanges: [{ expect: { upstream: { path: '/' } } }],
  },
  ...ENDS.map(
    ([name, method, log]): Case => ({
      id: `grpc-stream-${name}`,
      source: `${GRPC}trailing metadata comes before every close, and initial metadata before an answer without any`,
      config: program(`[request_headers]
      ~grpc_stream "grpc" "s.S" "${method}" "" >u=id
      ~grpc_send $id "" 1
      return 1
      [grpc_receive_initial_metadata]
      get_header_map_value 4 "x-initial" >s
      [grpc_receive]
      get_buffer_bytes 5 0 100 >s
      [grpc_receive_trailing_metadata]
      get_header_map_value 5 "grpc-status" >s
      [grpc_close]
      say "close" $a2
      ~set_effective_context $stream
      ~continue_stream 0`),
      log: [...log],
      exchanges: [{ expect: { upstream: { path: '/' } } }],
      needsProxy: true,
    }),
  ),
  {
    id: 'grpc-metadata-not-its-own',
    source: 'grpc/doc/PROTOCOL-HTTP2.md: te and content-type are the call’s, and no metadata',
    config: program(`[request_headers]
    ~grpc_stream "grpc" "s.S" "Early" m"te=no;content-type=a/b" >u=id
    ~grpc_send $id "" 1
    return 1
    [grpc_close]
    say "close" $a2
    ~set_effective_context $stream
    ~continue_stream 0`),
    log: ['close 0'],
    needsProxy: true,
  },
  inRequestHeaders(
    'grpc-call-cancel',
    `${ENVOY}grpcCancel of a call`,
    'grpc_call "grpc" "s.S" "Hang" "" "hi" 1000 >u=id\ngrpc_cancel $id\ngrpc_cancel $id',
    [/^grpc_call 0 \d+$/, 'grpc_cancel 0', 'grpc_cancel 1'],
  ),
  inRequestHeaders(
    'grpc-call-close',
    `${ENVOY}grpcClose cancels a call`,
    '~grpc_call "grpc" "s.S" "Hang" "" "hi" 1000 >u=id\ngrpc_close $id',
    ['grpc_close 0'],
  ),
  inRequestHeaders(
    'grpc-unknown-cluster',
    `${ENVOY}grpcCall: PARSE_FAILURE for what is neither a GrpcService nor a cluster`,
    'grpc_call "nowhere" "s" "m" "" "" 1000 >u',
    ['grpc_call 4'],
  ),
  inRequestHeaders(
    'grpc-stream-unknown-cluster',
    `${ENVOY}grpcStream: PARSE_FAILURE for what is neither a GrpcService nor a cluster`,
    'grpc_stream "nowhere" "s" "m" "" >u',
    ['grpc_stream 4'],
  ),
  inRequestHeaders(
    'grpc-service-message',
    `${ENVOY}the upstream may be a serialised GrpcService`,
    'grpc_call "\\x0a\\x06\\x0a\\x04grpc" "s.S" "Echo" "" "hi" 1000 >u=id\nreturn 1\n[grpc_receive]\nget_buffer_bytes 5 0 9 >s\n~set_effective_context $stream\n~continue_stream 0',
    [/^grpc_call 0 \d+$/, 'get_buffer_bytes 0 "hi"'],
    { exchanges: [{ expect: { upstream: { path: '/' } } }] },
  ),
  ...BAD_IDS.map(([call, status]) => {
    const [name, id] = call.split(' ')
    return inRequestHeaders(
      `${name.replace('_', '-')}-bad-id-${id}`,
      `${ENVOY}NOT_FOUND for an unknown id, BAD_ARGUMENT for an id of another kind`,
      call,
      [`${name} ${status}`],
    )
  }),
]

export const cases: Case[] = [...answered, ...refused, ...ids, ...grpc]
