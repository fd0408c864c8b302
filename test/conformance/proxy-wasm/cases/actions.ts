/** Every callback of a stream with every value that it can return. */
import type { Case, Exchange } from '../case.ts'
import { post, program } from './build.ts'

const SPEC = 'proxy-wasm/spec abi-versions/v0.2.1: '
const ENVOY = 'Envoy source/extensions/common/wasm/context.cc: '

/** A tick of the root context continues the stream that waits. */
const RESUME = (type: number) => `[configure]
~set_tick_period_milliseconds 60
[tick]
when $stream
~set_effective_context $stream
~continue_stream ${type}
set stream 0`

const HEADERS: readonly [number, string, boolean][] = [
  [0, 'Continue', false],
  [1, 'StopIteration, which is StopAllIterationAndWatermark unless the plugin is configured otherwise', true],
  [2, 'ContinueAndEndStream is Continue', false],
  [3, 'StopAllIterationAndBuffer', true],
  [4, 'StopAllIterationAndWatermark', true],
  [5, 'unknown values stop', true],
]

const abis = ['0.1.0', '0.2.0', '0.2.1'] as const

/** While the headers stop all, the body waits; after continuing it arrives. */
const requestHeaders: Case[] = abis.flatMap((abi) =>
  HEADERS.map(([value, why, stops]): Case => {
    const resume = abi === '0.1.0' ? RESUME(0).replace('continue_stream 0', 'continue_request') : RESUME(0)
    return {
      id: `action-request-headers-${value}-${abi}`,
      source: `${ENVOY}convertFilterHeadersStatus: ${why}`,
      module: `probe-${abi}`,
      config: program(`${stops ? resume : ''}
        [request_headers]
        say "headers"
        return ${value}
        [request_body#1]
        say "body" $a1`),
      log: ['headers', 'body 4'],
      exchanges: [{ ...post('body'), expect: { upstream: { body: 'body' } } }],
    }
  }),
)

const responseHeaders: Case[] = abis.flatMap((abi) =>
  HEADERS.map(([value, why, stops]): Case => {
    const resume = abi === '0.1.0' ? RESUME(1).replace('continue_stream 1', 'continue_response') : RESUME(1)
    return {
      id: `action-response-headers-${value}-${abi}`,
      source: `${ENVOY}convertFilterHeadersStatus: ${why}`,
      module: `probe-${abi}`,
      config:
        program(`${stops ? resume.replace('when $stream', 'when $held').replace('set stream 0', 'set held 0') : ''}
        [response_headers]
        say "headers"
        set held 1
        return ${value}
        [response_body#1]
        say "body" $a1`),
      log: ['headers', 'body 8'],
      exchanges: [{ expect: { response: { body: 'upstream' } } }],
    }
  }),
)

const stopIteration: Case[] = [
  {
    id: 'action-request-headers-1-allowed',
    source: `${ENVOY}allow_on_headers_stop_iteration: a true StopIteration, body callbacks go on`,
    plugin: { allowOnHeadersStopIteration: true },
    config: program(`[request_headers]
      return 1
      [request_body]
      say $a1 $a2
      return 1
      when $a2
      say "last"
      return 0`),
    log: ['2 0', '5 0', '5 1', 'last'],
    exchanges: [post(['ab', 'cde'], { expect: { upstream: { body: 'abcde' } } })],
  },
  {
    id: 'action-request-headers-1-allowed-late-header',
    source: `${ENVOY}the headers are still the plugin's while it holds them`,
    plugin: { allowOnHeadersStopIteration: true },
    config: program(`[request_headers]
      return 1
      [request_body]
      return 1
      when $a2
      add_header_map_value 0 "x-late" "1"
      return 0`),
    log: ['add_header_map_value 0'],
    exchanges: [post(['ab', 'cde'], { expect: { upstream: { headers: { 'x-late': '1' } } } })],
  },
  {
    id: 'action-response-headers-1-allowed',
    source: `${ENVOY}allow_on_headers_stop_iteration: a true StopIteration, body callbacks go on`,
    plugin: { allowOnHeadersStopIteration: true },
    config: program(`[response_headers]
      return 1
      [response_body]
      return 1
      when $a2
      get_buffer_bytes 1 0 100 >s
      replace_header_map_value 2 "x-len" "3"
      return 0`),
    log: ['get_buffer_bytes 0 "123"', 'replace_header_map_value 0'],
    exchanges: [{ upstream: { body: ['12', '3'] }, expect: { response: { body: '123', headers: { 'x-len': '3' } } } }],
  },
]

const DATA: readonly [number, string, string][] = [
  [0, 'Continue', 'abcde'],
  [1, 'StopIterationAndBuffer', 'abcde'],
  [2, 'StopIterationAndWatermark', 'abcde'],
  [3, 'StopIterationNoBuffer', 'cde'],
  [4, 'unknown values are StopIterationNoBuffer', 'cde'],
]

const bodies: Case[] = abis.flatMap((abi) =>
  DATA.flatMap(([value, why, whole]): Case[] => [
    {
      id: `action-request-body-${value}-${abi}`,
      source: `${ENVOY}convertFilterDataStatus: ${why}`,
      module: `probe-${abi}`,
      config: `[request_body#1]\nsay $a1\nreturn ${value}`,
      log: ['2'],
      exchanges: [post(['ab', 'cde'], { expect: { upstream: { body: whole } } })],
    },
    {
      id: `action-response-body-${value}-${abi}`,
      source: `${ENVOY}convertFilterDataStatus: ${why}`,
      module: `probe-${abi}`,
      config: `[response_body#1]\nsay $a1\nreturn ${value}`,
      log: ['2'],
      exchanges: [{ upstream: { body: ['ab', 'cde'] }, expect: { response: { body: whole } } }],
    },
  ]),
)

const withTrailers: Exchange = {
  request: { method: 'POST', body: ['ab'], trailers: [['t', '1']] },
  upstream: { body: ['cd'], trailers: [['u', '2']] },
  expect: { upstream: { body: 'ab', trailers: { t: '1' } }, response: { body: 'cd', trailers: { u: '2' } } },
}

const trailers: Case[] = abis.flatMap((abi) =>
  [0, 1, 2].flatMap((value): Case[] => {
    const resume = (type: number, old: string) =>
      value === 0
        ? ''
        : RESUME(type)
            .replace('when $stream', 'when $held')
            .replace('set stream 0', 'set held 0')
            .replace(`continue_stream ${type}`, abi === '0.1.0' ? old : `continue_stream ${type}`)
    const source = `${ENVOY}convertFilterTrailersStatus: ${value === 0 ? 'Continue' : 'everything else is StopIteration'}`
    return [
      {
        id: `action-request-trailers-${value}-${abi}`,
        source,
        module: `probe-${abi}`,
        config: program(`${resume(0, 'continue_request')}
          [request_trailers]
          say $a1
          set held 1
          return ${value}`),
        log: ['1'],
        exchanges: [withTrailers],
      },
      {
        id: `action-response-trailers-${value}-${abi}`,
        source,
        module: `probe-${abi}`,
        config: program(`${resume(1, 'continue_response')}
          [response_trailers]
          say $a1
          set held 1
          return ${value}`),
        log: ['1'],
        exchanges: [withTrailers],
      },
    ]
  }),
)

const trailerContent: Case[] = [
  {
    id: 'trailers-read',
    source: `${SPEC}HTTP_REQUEST_TRAILERS, HTTP_RESPONSE_TRAILERS`,
    config: program(`[request_trailers]
    get_header_map_pairs 1 >m
    get_header_map_value 1 "t" >s
    get_header_map_size 1 >u
    [response_trailers]
    get_header_map_pairs 3 >m`),
    log: [
      'get_header_map_pairs 0 {t=1}',
      'get_header_map_value 0 "1"',
      'get_header_map_size 0 2',
      'get_header_map_pairs 0 {u=2}',
    ],
    exchanges: [withTrailers],
  },
  {
    id: 'trailers-write',
    source: `${SPEC}trailers can be changed`,
    config: program(`[request_trailers]
    add_header_map_value 1 "n" "9"
    remove_header_map_value 1 "t"
    [response_trailers]
    replace_header_map_value 3 "u" "8"
    set_header_map_pairs 3 m"v=7"`),
    log: [
      'add_header_map_value 0',
      'remove_header_map_value 0',
      'replace_header_map_value 0',
      'set_header_map_pairs 0',
    ],
    exchanges: [
      {
        ...withTrailers,
        expect: { upstream: { trailers: { n: '9', t: null } }, response: { trailers: { u: null, v: '7' } } },
      },
    ],
  },
]

const streams: Case[] = [
  {
    id: 'continue-bad-type',
    source: `${SPEC}proxy_continue_stream: BAD_ARGUMENT for unknown stream_type`,
    config: '[request_headers]\ncontinue_stream 4\ncontinue_stream -1\nclose_stream 4',
    log: ['continue_stream 2', 'continue_stream 2', 'close_stream 2'],
  },
  {
    id: 'continue-network-types',
    source: `${SPEC}BAD_ARGUMENT: an HTTP stream has no such direction`,
    config: '[request_headers]\ncontinue_stream 2\ncontinue_stream 3',
    log: ['continue_stream 2', 'continue_stream 2'],
  },
  {
    id: 'continue-not-paused',
    source: `${ENVOY}continuing what is not stopped does nothing`,
    config: '[request_headers]\ncontinue_stream 0',
    log: ['continue_stream 0'],
    exchanges: [{ expect: { upstream: { path: '/' } } }],
  },
  {
    id: 'continue-response-early',
    source: `${SPEC}continuing what is not stopped does nothing`,
    config: '[request_headers]\ncontinue_stream 1',
    log: ['continue_stream 0'],
    exchanges: [{ expect: { upstream: { path: '/' } } }],
    hostOnly: 'Envoy 1.40 crashes: it continues an encoding that has not begun',
  },
  {
    id: 'continue-within',
    source: `${ENVOY}continue is deferred to the end of the call, and wins over Pause`,
    config: '[request_headers]\ncontinue_stream 0\nreturn 1',
    log: ['continue_stream 0'],
    exchanges: [{ expect: { upstream: { path: '/' } } }],
  },
  {
    id: 'close-request',
    source: `${SPEC}proxy_close_stream resets the stream`,
    config: '[request_headers]\nclose_stream 0\nreturn 1',
    log: ['close_stream 0'],
    exchanges: [{ expect: { status: 0, upstream: null } }],
  },
  {
    id: 'close-response',
    source: `${SPEC}proxy_close_stream resets the stream`,
    config: '[response_headers]\nclose_stream 1\nreturn 1',
    log: ['close_stream 0'],
    exchanges: [{ expect: { status: 0 } }],
  },
  {
    id: 'effective-unknown',
    source: `${SPEC}proxy_set_effective_context: BAD_ARGUMENT for an unknown context`,
    config: '[request_headers]\nset_effective_context 99999999',
    log: ['set_effective_context 2'],
  },
  {
    id: 'effective-self',
    source: `${SPEC}proxy_set_effective_context`,
    config: '[request_headers]\nset_effective_context $ctx\nget_header_map_value 0 ":path" >s',
    log: ['set_effective_context 0', 'get_header_map_value 0 "/"'],
  },
  {
    id: 'effective-ends-with-call',
    source: 'proxy-wasm-cpp-host: the effective context is that of the callback again in the next one',
    config: program(`[context_create]
    [request_headers]
    ~set_effective_context $root
    get_header_map_value 0 ":path" >s
    [response_headers]
    get_header_map_value 2 ":status" >s`),
    log: ['get_header_map_value 0 "/"', 'get_header_map_value 0 "200"'],
  },
]

export const cases: Case[] = [
  ...requestHeaders,
  ...responseHeaders,
  ...stopIteration,
  ...bodies,
  ...trailers,
  ...trailerContent,
  ...streams,
]
