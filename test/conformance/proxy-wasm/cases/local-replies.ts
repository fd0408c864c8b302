/** proxy_send_local_response, from every callback that may send one. */
import type { Case, Exchange } from '../case.ts'
import { inRequestHeaders, inResponseHeaders, post, program } from './build.ts'

const SPEC = 'proxy-wasm/spec abi-versions/v0.2.1: proxy_send_local_response: '
const ENVOY = 'Envoy source/extensions/common/wasm/context.cc: '

const OK = ['send_local_response 0']
const replied = (status: number, response: NonNullable<Exchange['expect']>['response'] = {}): Exchange => ({
  expect: { status, response, upstream: null },
})

const plain: Case[] = [
  inRequestHeaders('local-plain', `${SPEC}code and body`, 'send_local_response 403 "d" "no" "" -1\nreturn 1', OK, {
    exchanges: [replied(403, { body: 'no', headers: { 'content-type': 'text/plain' } })],
  }),
  inRequestHeaders(
    'local-no-body',
    `${ENVOY}no content-type without a body`,
    'send_local_response 204 "d" "" "" -1\nreturn 1',
    OK,
    { exchanges: [replied(204, { body: '', headers: { 'content-type': null } })] },
  ),
  inRequestHeaders(
    'local-headers',
    `${SPEC}headers are added`,
    'send_local_response 401 "d" "no" m"www-authenticate=Basic;x-a=1;x-a=2" -1\nreturn 1',
    OK,
    { exchanges: [replied(401, { headers: { 'www-authenticate': 'Basic', 'x-a': '1 | 2' } })] },
  ),
  inRequestHeaders(
    'local-content-type',
    `${ENVOY}a content-type of the plugin's own wins`,
    'send_local_response 200 "d" "{}" m"content-type=application/json" -1\nreturn 1',
    OK,
    { exchanges: [replied(200, { body: '{}', headers: { 'content-type': 'application/json' } })] },
  ),
  inRequestHeaders(
    'local-returning-continue',
    `${ENVOY}the stream stops whatever the callback returns`,
    'send_local_response 403 "d" "no" "" -1\nreturn 0',
    OK,
    { exchanges: [replied(403, { body: 'no' })] },
  ),
  inRequestHeaders(
    'local-twice',
    `${ENVOY}the first wins (Envoy #23047)`,
    'send_local_response 403 "d" "one" "" -1\nsend_local_response 404 "d" "two" "" -1\nreturn 1',
    [...OK, ...OK],
    { exchanges: [replied(403, { body: 'one' })] },
  ),
  inRequestHeaders(
    'local-then-continue',
    `${ENVOY}continuing after a reply has no effect (Envoy #13857)`,
    'send_local_response 403 "d" "no" "" -1\ncontinue_stream 0\nreturn 1',
    [...OK, 'continue_stream 0'],
    { exchanges: [replied(403, { body: 'no' })] },
  ),
  inRequestHeaders('local-0.1.0', `${SPEC}in ABI 0.1.0`, 'send_local_response 403 "d" "no" "" -1\nreturn 1', OK, {
    module: 'probe-0.1.0',
    exchanges: [replied(403, { body: 'no' })],
  }),
  inRequestHeaders('local-0.2.0', `${SPEC}in ABI 0.2.0`, 'send_local_response 403 "d" "no" "" -1\nreturn 1', OK, {
    module: 'probe-0.2.0',
    exchanges: [replied(403, { body: 'no' })],
  }),
]

const grpcRequest: Exchange['request'] = { method: 'POST', headers: [['content-type', 'application/grpc']] }
const grpc: Case[] = [
  inRequestHeaders(
    'local-grpc-status',
    `${ENVOY}to a gRPC request the status goes into grpc-status, the body into grpc-message`,
    'send_local_response 403 "d" "no" "" 16\nreturn 1',
    OK,
    {
      exchanges: [
        {
          request: grpcRequest,
          expect: { status: 200, response: { body: '', headers: { 'grpc-status': '16', 'grpc-message': 'no' } } },
        },
      ],
    },
  ),
  inRequestHeaders(
    'local-grpc-mapped',
    `${ENVOY}without one, the HTTP code is mapped`,
    'send_local_response 403 "d" "no" "" -1\nreturn 1',
    OK,
    { exchanges: [{ request: grpcRequest, expect: { status: 200, response: { headers: { 'grpc-status': '7' } } } }] },
  ),
  inRequestHeaders(
    'local-grpc-status-out-of-range',
    `${ENVOY}codes above 16 are no codes`,
    'send_local_response 403 "d" "no" "" 99\nreturn 1',
    OK,
    { exchanges: [{ request: grpcRequest, expect: { status: 200, response: { headers: { 'grpc-status': '7' } } } }] },
  ),
  inRequestHeaders(
    'local-grpc-status-to-http',
    `${ENVOY}grpc-status is not sent to plain HTTP`,
    'send_local_response 403 "d" "no" "" 7\nreturn 1',
    OK,
    { exchanges: [replied(403, { body: 'no', headers: { 'grpc-status': null } })] },
  ),
]

/** From which callback; what runs afterwards. */
const phases: Case[] = [
  {
    id: 'local-own-response-headers',
    source: `${ENVOY}the reply passes the plugin's own response callbacks`,
    config: program(`[request_headers]
    send_local_response 403 "d" "no" "" -1
    return 1
    [response_headers]
    get_header_map_value 2 ":status" >s
    add_header_map_value 2 "x-added" "1"`),
    log: [...OK, 'get_header_map_value 0 "403"', 'add_header_map_value 0'],
    exchanges: [replied(403, { headers: { 'x-added': '1' } })],
  },
  {
    id: 'local-own-response-body',
    source: `${ENVOY}the reply passes the plugin's own response callbacks`,
    config: program(`[request_headers]
    send_local_response 403 "d" "no" "" -1
    return 1
    [response_body]
    say $a1 $a2
    get_buffer_bytes 1 0 10 >s`),
    log: [...OK, '2 1', 'get_buffer_bytes 0 "no"'],
    exchanges: [replied(403, { body: 'no' })],
  },
  {
    id: 'local-from-request-body',
    source: `${SPEC}from the body callback`,
    config: program(`[request_headers]
    return 1
    [request_body#1]
    send_local_response 403 "d" "no" "" -1
    return 1`),
    plugin: { allowOnHeadersStopIteration: true },
    log: OK,
    exchanges: [post(['ab', 'c'], { expect: { status: 403, upstream: null, response: { body: 'no' } } })],
  },
  {
    id: 'local-from-request-trailers',
    source: `${SPEC}from the trailers callback`,
    config: program(`[request_headers]
    return 1
    [request_body]
    return 1
    [request_trailers]
    send_local_response 403 "d" "no" "" -1
    return 1`),
    plugin: { allowOnHeadersStopIteration: true },
    log: OK,
    exchanges: [
      { request: { method: 'POST', body: ['a'], trailers: [['t', '1']] }, expect: { status: 403, upstream: null } },
    ],
  },
  inResponseHeaders(
    'local-from-response-headers',
    `${ENVOY}a reply in place of the upstream's response`,
    'send_local_response 503 "d" "instead" m"x-l=1" -1\nreturn 1',
    OK,
    {
      exchanges: [
        {
          upstream: { headers: [['x-u', '1']] },
          expect: { status: 503, response: { body: 'instead', headers: { 'x-l': '1', 'x-u': null } } },
        },
      ],
    },
  ),
  {
    id: 'local-from-response-body-held',
    source: `${ENVOY}the headers are not yet sent: the reply takes their place`,
    config: program(`[response_headers]
    return 1
    [response_body#1]
    send_local_response 503 "d" "instead" "" -1
    return 1`),
    plugin: { allowOnHeadersStopIteration: true },
    log: OK,
    exchanges: [{ expect: { status: 503, response: { body: 'instead' } } }],
  },
  {
    id: 'local-from-response-body-late',
    source: `${ENVOY}the headers are sent: the stream is reset`,
    config: program(`[response_body#2]
    send_local_response 503 "d" "instead" "" -1
    return 1`),
    log: OK,
    exchanges: [{ upstream: { body: ['abc', 'def', 'ghi'] }, expect: { status: 200, response: { body: 'abc[cut]' } } }],
  },
  {
    id: 'local-from-callout',
    source: `${ENVOY}from a root callback by proxy_set_effective_context`,
    config: program(`[request_headers]
    ~http_call "upstream" m":method=GET;:path=/callout/200;:authority=a" "" "" 1000 >u
    return 1
    [http_call_response]
    set_effective_context $stream
    send_local_response 401 "d" "no" "" -1`),
    log: ['set_effective_context 0', 'send_local_response 0'],
    exchanges: [{ expect: { status: 401, response: { body: 'no' } } }],
  },
  {
    id: 'local-from-tick',
    source: `${ENVOY}from a root callback by proxy_set_effective_context`,
    config: program(`[configure]
    ~set_tick_period_milliseconds 30
    [request_headers]
    return 1
    [tick]
    when $stream
    ~set_effective_context $stream
    ~send_local_response 401 "d" "no" "" -1
    set stream 0`),
    log: [],
    exchanges: [{ expect: { status: 401, response: { body: 'no' } } }],
  },
  {
    id: 'local-from-root',
    source: `${ENVOY}without a stream it does nothing and is OK`,
    config: program(`[configure]
    send_local_response 401 "d" "no" "" -1`),
    startLog: OK,
  },
]

export const cases: Case[] = [...plain, ...grpc.map((one) => ({ ...one, needsProxy: true })), ...phases]
