/** What one callback of a stream does to the next one, of the same instance or of another in the chain. */
import type { Case } from '../case.ts'
import { post, program } from './build.ts'

const ENVOY = 'Envoy source/extensions/common/wasm/context.cc: '
const MANAGER = 'Envoy source/common/http/filter_manager.cc: '

/** The next tick continues the request that waits. */
const RESUME = `[tick]
when $held
set held 0
~set_effective_context $stream
~continue_stream 0`
const HOLD = 'set held 1\n~set_tick_period_milliseconds 60'

/** By RFC 9113 7. */
const CLIENT_RESETS: readonly (readonly [code: number, logged: string])[] = [
  [0, '0 - -'],
  [2, '0 DR http2.remote_reset'],
  [8, '0 DR http2.remote_reset'],
]

export const cases: Case[] = [
  {
    id: 'sequence-not-begun',
    source: `${ENVOY}a plugin that the request has not reached sees nothing of the response, but logs the stream`,
    config: '[request_headers]\n~send_local_response 403 "d" "no" "" -1',
    second: '[response_headers]\nsay "headers"\n[response_body]\nsay "body"\n[log]\nsay "log"',
    log: ['log'],
    exchanges: [{ expect: { status: 403, response: { body: 'no' } } }],
    needsProxy: true,
  },
  {
    id: 'sequence-local-over-local',
    source: `${MANAGER}a local reply to a local reply that has not gone out takes its place`,
    config: '[response_headers]\nsend_local_response 404 "d" "mine" "" -1\nreturn 1',
    second: '[request_headers]\nsend_local_response 403 "d" "" "" -1\nreturn 1',
    log: ['send_local_response 0', 'send_local_response 0'],
    exchanges: [{ expect: { status: 404, response: { body: 'mine' } } }],
    needsProxy: true,
  },
  {
    id: 'sequence-local-over-own',
    source: `${MANAGER}a local reply to the plugin's own that has not gone out takes its place`,
    config: program(`[request_headers]
      send_local_response 403 "d" "" "" -1
      return 1
      [response_headers]
      send_local_response 404 "d" "mine" "" -1
      return 1`),
    log: ['send_local_response 0', 'send_local_response 0'],
    exchanges: [{ expect: { status: 404, response: { body: 'mine' } } }],
    needsProxy: true,
  },
  {
    id: 'sequence-local-in-nested-call',
    source:
      'proxy-wasm-cpp-host: what a callback has asked for is done when it returns, also where a deferred action has led to it',
    config: program(`${RESUME}
      [request_headers]
      ${HOLD}
      return 3
      [request_body]
      say "body"`),
    second: '[request_headers]\nsend_local_response 403 "d" "no" "" -1\nreturn 1',
    log: ['send_local_response 0'],
    exchanges: [{ ...post('body'), expect: { status: 403, upstream: null } }],
    needsProxy: true,
  },
  {
    id: 'sequence-held-is-not-dropped',
    source: `${MANAGER}StopIterationNoBuffer leaves what was held while all was stopped in the buffer`,
    config: program(`${RESUME}
      [request_headers]
      ${HOLD}
      return 3
      [request_body#1]
      say $a1
      ${HOLD}
      return 3`),
    log: ['4'],
    exchanges: [{ ...post('body', { request: { trailers: [] } }), expect: { upstream: { body: 'body' } } }],
    needsProxy: true,
  },
  {
    id: 'sequence-trailers-made-before-a-stop',
    source: `${MANAGER}trailers that a filter makes with the end of a body come to a later one that holds the body`,
    config: '[request_body]\nwhen $a2\nadd_header_map_value 1 "t" "1"',
    second: '[request_body]\nreturn 1\n[request_trailers]\nsay "trailers" $a1\nreturn 0',
    log: ['add_header_map_value 0', 'trailers 1'],
    exchanges: [{ ...post(['ab', 'c']), expect: { upstream: { body: 'abc', trailers: { t: '1' } } } }],
    needsProxy: true,
  },
  {
    id: 'sequence-end-after-continued-hold',
    source: `${ENVOY}what is written into an empty last piece, behind a held one that has been continued, goes on`,
    config: program(`[request_body#2]
      ~set_tick_period_milliseconds 20
      return 1
      [request_body#3]
      say $a1 $a2
      set_buffer_bytes 0 0 0 "X"
      return 0
      [tick]
      ~set_tick_period_milliseconds 0
      ~set_effective_context $stream
      ~continue_stream 0`),
    log: ['0 1', 'set_buffer_bytes 0'],
    exchanges: [{ ...post(['ab', 'c'], { request: { http2: true } }), expect: { upstream: { body: 'abcX' } } }],
    needsProxy: true,
  },
  {
    id: 'sequence-held-behind-a-full-stop',
    source: `${MANAGER}a body that is held after all was stopped goes on with the trailers, whose callback comes once`,
    config: program(`${RESUME}
      [request_headers]
      ${HOLD}
      return 4
      [request_body]
      return 1
      [request_trailers]
      say "trailers" $a1
      return 0`),
    log: ['trailers 1'],
    exchanges: [{ ...post('body', { request: { trailers: [['t', '1']] } }), expect: { upstream: { body: 'body' } } }],
    needsProxy: true,
  },
  ...CLIENT_RESETS.map(
    ([code, logged]): Case => ({
      id: `sequence-client-resets-${code}`,
      source:
        'Envoy source/common/http/conn_manager_impl.cc: the reset of a client is logged as DR, but for NO_ERROR, which is none',
      config: '[request_headers]\nreturn 1',
      accessLog: true,
      exchanges: [
        {
          request: { http2: true, resets: code, headers: [['x-nth', '0']] },
          expect: { status: 0, logged, upstream: null },
        },
      ],
      needsProxy: true,
    }),
  ),
  ...[0, 1].map(
    (direction): Case => ({
      id: `sequence-piece-after-continued-hold-${direction}`,
      source: `${ENVOY}a piece that comes after a held one has been continued goes on when the callback says Continue`,
      config: program(`[${direction === 0 ? 'request' : 'response'}_body#1]
        say $a1
        ~set_tick_period_milliseconds 20
        return 1
        [tick]
        ~set_tick_period_milliseconds 0
        ~set_effective_context $stream
        ~continue_stream ${direction}`),
      log: ['2'],
      exchanges: [
        {
          ...post(['ab', 'cde', 'f'], { request: { trailers: [['t', '1']] } }),
          upstream: { body: ['ab', 'cde', 'f'], trailers: [['u', '1']] },
          expect: { response: { body: 'abcdef' }, upstream: { body: 'abcdef' } },
        },
      ],
      needsProxy: true,
    }),
  ),
]
