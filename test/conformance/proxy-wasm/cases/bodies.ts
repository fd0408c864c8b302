/** Bodies: what the callbacks see, buffering, and the reading and writing of buffers. */
import type { Case, Exchange } from '../case.ts'
import { inRequestHeaders, post, program } from './build.ts'

const SPEC = 'proxy-wasm/spec abi-versions/v0.2.1: '
const ENVOY = 'Envoy source/extensions/common/wasm/context.cc: '

/** Two pieces that arrive apart, then the end. */
const PIECES = ['ab', 'cde']

function body(id: string, source: string, config: string, log: Case['log'], exchange: Exchange = post(PIECES)): Case {
  return { id, source, config: program(config), log, exchanges: [exchange] }
}

/** Holds the whole body, then does something with it and lets it go on. */
function whole(id: string, source: string, statements: string, log: Case['log'], exchange: Exchange = {}): Case {
  const config = `[request_body]\nreturn 1\nwhen $a2\n${statements}\nreturn 0`
  return body(id, source, config, log, post(PIECES, exchange))
}

const reading: Case[] = [
  body(
    'body-chunks',
    `${ENVOY}with Continue each call sees the piece in hand`,
    '[request_body]\nsay $a1 $a2\nget_buffer_bytes 0 0 100 >s',
    ['2 0', 'get_buffer_bytes 0 "ab"', '3 0', 'get_buffer_bytes 0 "cde"', '0 1', 'get_buffer_bytes 0 ""'],
  ),
  body(
    'body-held',
    `${ENVOY}after StopIterationAndBuffer the next call sees all`,
    '[request_body]\nsay $a1 $a2\nget_buffer_bytes 0 0 100 >s\nreturn 1\n[request_body#3]\nsay $a1 $a2\nget_buffer_bytes 0 0 100 >s',
    ['2 0', 'get_buffer_bytes 0 "ab"', '5 0', 'get_buffer_bytes 0 "abcde"', '5 1', 'get_buffer_bytes 0 "abcde"'],
    post(PIECES, { expect: { upstream: { body: 'abcde' } } }),
  ),
  body(
    'body-held-then-continued',
    `${ENVOY}once continued, pieces come singly again`,
    '[request_body#1]\nsay $a1\nreturn 1\n[request_body#2]\nsay $a1\n[request_body#3]\nsay $a1',
    ['2', '5', '1'],
    post([...PIECES, 'f'], { expect: { upstream: { body: 'abcdef' } } }),
  ),
  body(
    'body-none',
    `${SPEC}headers that end the stream have no body callback`,
    '[request_headers]\nsay $a2\n[request_body]\nsay "body"',
    ['1'],
    {},
  ),
  body(
    'body-size-0',
    `${SPEC}an empty body that was announced is delivered as size 0 with end_of_stream`,
    '[request_headers]\nsay $a2\n[request_body]\nsay $a1 $a2',
    ['0', '0 1'],
    { request: { method: 'POST', headers: [['transfer-encoding', 'chunked']], body: [] } },
  ),
  body(
    'body-response-chunks',
    `${ENVOY}response bodies alike`,
    '[response_body]\nsay $a1 $a2\nget_buffer_bytes 1 0 100 >s',
    ['2 0', 'get_buffer_bytes 0 "12"', '1 0', 'get_buffer_bytes 0 "3"', '0 1', 'get_buffer_bytes 0 ""'],
    { upstream: { body: ['12', '3'] }, expect: { response: { body: '123' } } },
  ),
  body(
    'body-response-held',
    `${ENVOY}response bodies alike`,
    '[response_body]\nreturn 1\nwhen $a2\nsay $a1 $a2\nget_buffer_bytes 1 0 100 >s\nreturn 0',
    ['3 1', 'get_buffer_bytes 0 "123"'],
    { upstream: { body: ['12', '3'] }, expect: { response: { body: '123' } } },
  ),
]

/** get_buffer_bytes on the held body `abcde`: start, maximum, what comes. */
const RANGES: readonly [string, string, string, string][] = [
  ['all', '0 5', '0 "abcde"', 'the whole'],
  ['more', '0 2147483647', '0 "abcde"', 'the length is clamped'],
  ['huge', '0 0xffffffff', '0 "abcde"', 'the length is clamped'],
  ['middle', '1 3', '0 "bcd"', 'a part'],
  ['tail', '3 100', '0 "de"', 'the length is clamped'],
  ['at-end', '5 1', '0 ""', 'a start at the end gives nothing'],
  ['behind', '6 1', '0 ""', 'a start behind the end gives nothing'],
  ['nothing', '0 0', '0 ""', 'a length of 0 gives nothing'],
  ['overflow', '0xffffffff 2', '2', 'start + length overflows: BAD_ARGUMENT'],
]

const ranges: Case[] = RANGES.map(([id, range, result, why]) =>
  whole(`body-get-${id}`, `${SPEC}proxy_get_buffer_bytes: ${why}`, `get_buffer_bytes 0 ${range} >s`, [
    `get_buffer_bytes ${result}`,
  ]),
)

/** set_buffer_bytes on the held body `abcde`: start, size, data, status, what the upstream gets. */
const WRITES: readonly [string, string, number, string, string][] = [
  ['replace', '0 5 "XY"', 0, 'XY', 'start 0 and the whole size replace'],
  ['replace-huge', '0 0x7fffffff "XY"', 0, 'XY', 'start 0 and more than the size replace'],
  ['replace-max', '0 0xffffffff "XY"', 0, 'XY', 'start 0 and more than the size replace'],
  ['clear', '0 5 ""', 0, '', 'start 0 and the whole size replace, by nothing'],
  ['prepend', '0 0 "XY"', 0, 'XYabcde', 'start 0 and size 0 prepend'],
  ['prepend-over', '0 2 "XY"', 0, 'XYcde', 'start 0 and a part of the size drain that part'],
  ['append', '5 0 "XY"', 0, 'abcdeXY', 'start at the end appends'],
  ['append-behind', '9 0 "XY"', 0, 'abcdeXY', 'start behind the end appends'],
  ['middle', '2 1 "XY"', 2, 'abcde', 'start within: BAD_ARGUMENT'],
  ['nothing', '0 0 ""', 0, 'abcde', 'nothing is prepended'],
]

const writes: Case[] = WRITES.map(([id, args, status, upstream, why]) =>
  whole(
    `body-set-${id}`,
    `${ENVOY}Buffer::copyFrom: ${why}`,
    `set_buffer_bytes 0 ${args}`,
    [`set_buffer_bytes ${status}`],
    { expect: { upstream: { body: upstream } } },
  ),
)

const more: Case[] = [
  body(
    'body-set-chunk',
    `${ENVOY}a piece can be changed on its way`,
    '[request_body#1]\nset_buffer_bytes 0 0 100 "XYZ"',
    ['set_buffer_bytes 0'],
    post(PIECES, { expect: { upstream: { body: 'XYZcde' } } }),
  ),
  body(
    'body-set-response',
    `${ENVOY}response bodies alike`,
    '[response_headers]\nremove_header_map_value 2 "content-length"\n[response_body#1]\nset_buffer_bytes 1 0 100 "changed!"',
    ['remove_header_map_value 0', 'set_buffer_bytes 0'],
    { expect: { response: { body: 'changed!' } } },
  ),
  body(
    'body-set-response-same-length',
    `${ENVOY}an edit that keeps the length`,
    '[response_body#1]\nset_buffer_bytes 1 0 100 "UPSTREAM"',
    ['set_buffer_bytes 0'],
    { expect: { response: { body: 'UPSTREAM' } } },
  ),
  body(
    'body-append-at-end',
    `${ENVOY}a last empty piece can be filled`,
    '[request_body]\nwhen $a2\nset_buffer_bytes 0 0 0 "!"',
    ['set_buffer_bytes 0'],
    post(PIECES, { expect: { upstream: { body: 'abcde!' } } }),
  ),
  body('body-status', `${SPEC}proxy_get_buffer_status: size and flags`, '[request_body#1]\nget_buffer_status 0 >u >u', [
    'get_buffer_status 0 2 0',
  ]),
  body(
    'body-unavailable-in-headers',
    `${ENVOY}no buffer outside of the body callbacks: NOT_FOUND`,
    '[request_headers]\nget_buffer_bytes 0 0 1 >s\nset_buffer_bytes 0 0 0 "x"\nget_buffer_status 0 >u >u',
    ['get_buffer_bytes 1', 'set_buffer_bytes 1', 'get_buffer_status 1'],
  ),
  body(
    'body-response-unavailable',
    `${ENVOY}no response body in the request`,
    '[request_body#1]\nget_buffer_bytes 1 0 1 >s',
    ['get_buffer_bytes 1'],
  ),
  body(
    'body-stop-no-buffer',
    `${ENVOY}StopIterationNoBuffer (3) drops the piece`,
    '[request_body#1]\nreturn 3',
    [],
    post(PIECES, { expect: { upstream: { body: 'cde' } } }),
  ),
  body(
    'body-trailers-added',
    `${ENVOY}trailers may be made in the last body callback`,
    '[request_body]\nwhen $a2\nadd_header_map_value 1 "t" "1"',
    ['add_header_map_value 0'],
    post(PIECES, { expect: { upstream: { body: 'abcde', trailers: { t: '1' } } } }),
  ),
  body(
    'body-response-trailers-added',
    `${ENVOY}trailers may be made in the last body callback`,
    '[response_body]\nwhen $a2\nadd_header_map_value 3 "t" "1"',
    ['add_header_map_value 0'],
    { upstream: { body: ['1', '2'] }, expect: { response: { body: '12', trailers: { t: '1' } } } },
  ),
  body(
    'body-request-over-limit',
    'Envoy: over the buffer limit while a filter holds the body: 413, and the filter is not called again',
    '[request_body]\nreturn 1',
    [],
    {
      request: { method: 'POST', body: ['x'.repeat(40000), 'y'.repeat(40000)] },
      expect: { status: 413, upstream: null },
    },
  ),
  {
    id: 'body-response-over-limit',
    source: 'Envoy: over the buffer limit while a filter holds the response and its headers: 500',
    config: program(`[response_headers]
    return 1
    [response_body]
    return 1`),
    plugin: { allowOnHeadersStopIteration: true },
    log: [],
    exchanges: [{ upstream: { body: ['x'.repeat(40000), 'y'.repeat(40000)] }, expect: { status: 500 } }],
  },
  body(
    'body-response-over-limit-late',
    'Envoy: over the buffer limit while a filter holds the body, the headers being sent: reset',
    '[response_body]\nreturn 1',
    [],
    {
      upstream: { body: ['x'.repeat(40000), 'y'.repeat(40000)] },
      expect: { status: 200, response: { body: '[cut]' } },
    },
  ),
  body('body-large-streams', `${ENVOY}without holding, no limit applies`, '[response_headers]\nsay "h"', ['h'], {
    upstream: { body: ['x'.repeat(100000), 'y'.repeat(100000)] },
    expect: { response: { body: /^x{100000}y{100000}$/ } },
  }),
]

/** Buffer types without a body behind them, in a plain request. */
const types: Case[] = [
  ['downstream-data', 2, 1],
  ['upstream-data', 3, 1],
  ['call-response', 4, 1],
  ['grpc-message', 5, 1],
  ['foreign-arguments', 8, 1],
  ['unknown', 9, 2],
  ['unknown-huge', 0xffffffff, 2],
].flatMap(([name, type, status]) => [
  inRequestHeaders(
    `buffer-get-${name}`,
    `${SPEC}proxy_get_buffer_bytes: NOT_FOUND or BAD_ARGUMENT by buffer_type`,
    `get_buffer_bytes ${type} 0 1 >s`,
    [`get_buffer_bytes ${status}`],
  ),
  inRequestHeaders(
    `buffer-set-${name}`,
    `${SPEC}proxy_set_buffer_bytes: NOT_FOUND or BAD_ARGUMENT by buffer_type`,
    `set_buffer_bytes ${type} 0 1 "x"`,
    [`set_buffer_bytes ${status}`],
  ),
  inRequestHeaders(
    `buffer-status-${name}`,
    `${SPEC}proxy_get_buffer_status: NOT_FOUND or BAD_ARGUMENT by buffer_type`,
    `get_buffer_status ${type} >u >u`,
    [`get_buffer_status ${status}`],
  ),
])

const readOnly: Case[] = [
  {
    id: 'buffer-configuration',
    source: `${SPEC}PLUGIN_CONFIGURATION`,
    config: '[configure]\nsay $a1\nget_buffer_bytes 7 0 11 >s\nset_buffer_bytes 7 0 1 "x"',
    startLog: ['73', 'get_buffer_bytes 0 "[configure]"', 'set_buffer_bytes 2'],
  },
  {
    id: 'buffer-vm-configuration',
    source: `${SPEC}VM_CONFIGURATION`,
    plugin: { vmConfig: 'of the vm' },
    config: '[configure]\nget_buffer_bytes 6 0 100 >s\nset_buffer_bytes 6 0 1 "x"',
    startLog: ['get_buffer_bytes 0 "of the vm"', 'set_buffer_bytes 2'],
  },
  {
    id: 'buffer-configuration-status',
    source: `${SPEC}proxy_get_buffer_status`,
    config: '[configure]\nget_buffer_status 7 >u >u',
    startLog: ['get_buffer_status 0 37 0'],
  },
  {
    id: 'configuration-0.1.0',
    source: `${SPEC}ABI 0.1.0: proxy_get_configuration`,
    module: 'probe-0.1.0',
    config: '[configure]\nget_configuration >s',
    startLog: ['get_configuration 0 "[configure]\\x0aget_configuration >s"'],
  },
]

export const cases: Case[] = [...reading, ...ranges, ...writes, ...more, ...types, ...readOnly]
