/**
 * Where Envoy 1.40 does otherwise than a case expects, with the reason why Sluice does not do the same. `envoy` says what Envoy
 * does, so that a change there is noticed too.
 */
import type { Case, Exchange, Request } from './case.ts'
import { post } from './cases/build.ts'

export interface Difference {
  readonly reason: string
  readonly envoy: Partial<Pick<Case, 'log' | 'startLog' | 'logIncludes' | 'exchanges' | 'refused'>>
}

const BUFFER_ABSENT =
  'the specification says NOT_FOUND for a buffer that is not there; Envoy shows an empty read-only one. SDKs treat both as no data'

const absentBuffer = (name: string): [string, Difference][] => [
  [`buffer-get-${name}`, { reason: BUFFER_ABSENT, envoy: { log: ['get_buffer_bytes 0 ""'] } }],
  [`buffer-set-${name}`, { reason: BUFFER_ABSENT, envoy: { log: ['set_buffer_bytes 2'] } }],
  [`buffer-status-${name}`, { reason: BUFFER_ABSENT, envoy: { log: ['get_buffer_status 0 0 0'] } }],
]

const FORGOTTEN =
  'Envoy forgets the request headers once the request callback has returned Continue; other hosts keep them readable, and so do we'

const HOSTILE =
  'Envoy takes any bytes from a plugin and fails the request when it is encoded; we refuse them, and tell the plugin'

const hostile = (name: string, call: string, status: number): [string, Difference] => [
  `hostile-${name}`,
  { reason: HOSTILE, envoy: { log: [`${call} 0`], exchanges: [{ expect: { status, upstream: null } }] } },
]

const OPEN =
  'FAIL_OPEN lets requests pass when the plugin fails; Envoy answers the one that met the failure with 503 all the same'

const open = (name: string, request: Request): [string, Difference] => [
  `trap-open-${name}`,
  {
    reason: OPEN,
    envoy: { exchanges: [{ request, expect: { status: 503 } }, { expect: { status: 200, upstream: { path: '/' } } }] },
  },
]

const WITH_BODY: Request = { method: 'POST', body: ['ab'], trailers: [['t', '1']] }

/** Only the stream that has met the failure is answered. */
const waiting = (nth: string): Exchange => ({
  request: { headers: [['x-nth', nth]] },
  expect: { status: nth === '0' ? 0 : 503 },
})

const WRITTEN_AT_THE_END = post(['ab', 'c'], { request: { http2: true } })
const HELD_AND_TRAILERS = post('body', { request: { trailers: [['t', '1']] } })

export const DIFFERENCES: Readonly<Record<string, Difference>> = Object.fromEntries<Difference>([
  ...['downstream-data', 'upstream-data', 'grpc-message', 'foreign-arguments'].flatMap(absentBuffer),
  [
    'body-unavailable-in-headers',
    {
      reason: BUFFER_ABSENT,
      envoy: { log: ['get_buffer_bytes 0 ""', 'set_buffer_bytes 2', 'get_buffer_status 0 0 0'] },
    },
  ],
  ['body-response-unavailable', { reason: BUFFER_ABSENT, envoy: { log: ['get_buffer_bytes 0 ""'] } }],
  [
    'body-get-overflow',
    {
      reason:
        'the specification says BAD_ARGUMENT where start + length overflows; Envoy clamps, and finds nothing at start',
      envoy: { log: ['get_buffer_bytes 0 ""'] },
    },
  ],
  [
    'headers-add-inline',
    {
      reason:
        'Envoy joins headers that it knows as single-valued; two entries mean the same, and the module sees what it added',
      envoy: { log: ['add_header_map_value 0', 'get_header_map_value 0 "a,b"'] },
    },
  ],
  [
    'continue-network-types',
    {
      reason: 'Envoy takes the directions of a connection on an HTTP stream: one as OK, the other as UNIMPLEMENTED',
      envoy: { log: ['continue_stream 0', 'continue_stream 12'] },
    },
  ],
  ...[2, 3].map((type): [string, Difference] => [
    `metric-unknown-${type}`,
    {
      reason: 'Envoy looks at the type in the id before it looks for the metric',
      envoy: { log: ['increment_metric 2', 'record_metric 1', 'get_metric 2'] },
    },
  ]),
  [
    'property-empty',
    {
      reason: 'Envoy answers SERIALIZATION_FAILURE for an empty path; nothing is there',
      envoy: { log: ['get_property 3'] },
    },
  ],
  [
    'foreign-filter-state',
    {
      reason: 'Envoy sets only keys that its C++ filters have registered; ours has no such list',
      envoy: { log: ['call_foreign_function 1'] },
    },
  ],
  ...['wasi_snapshot_preview1', 'wasi_unstable'].flatMap((from): [string, Difference][] => [
    [
      `${from}-fd_write-5`,
      { reason: 'Envoy logs before it looks at the result pointer', envoy: { log: ['hello', '15 '] } },
    ],
    [
      `${from}-fd_fdstat_get-12`,
      { reason: 'Envoy does not look whether the result could be written', envoy: { log: ['00 '] } },
    ],
  ]),
  [
    'load-start-exits',
    {
      reason: 'Envoy restricts proc_exit while a module starts; runtimes that end _start so are good modules otherwise',
      envoy: { refused: /./ },
    },
  ],
  [
    'load-create-traps',
    {
      reason: 'Envoy accepts a plugin whose root context traps, and answers 503 for ever; we refuse it with the reason',
      envoy: { refused: undefined, exchanges: [{ expect: { status: 503 } }] },
    },
  ],
  [
    'load-import-of-another-version',
    {
      reason:
        'in Envoy a module cannot import a function of a later version; here it loads, and no module that loads in Envoy fails for it',
      envoy: { refused: /./ },
    },
  ],
  ...['null', 'outside'].map((kind): [string, Difference] => [
    `load-allocator-${kind}`,
    {
      reason:
        'Envoy fails the host call only, and the module goes on with what it has; we end the module, with the reason',
      envoy: { log: ['failed'], exchanges: [{ expect: { status: 200 } }] },
    },
  ]),
  [
    'call-no-host',
    {
      reason:
        'Envoy answers before the call returns, and drops the answer: INTERNAL_FAILURE. Ours comes as any other answer',
      envoy: { log: [], exchanges: [{ expect: { status: 0, upstream: null } }] },
    },
  ],
  [
    'property-response.headers',
    {
      reason: 'before there is a response Envoy has a map of its headers, which is empty',
      envoy: { log: ['get_property 0 "\\x00\\x00\\x00\\x00"'] },
    },
  ],
  [
    'headers-required-authority',
    {
      reason:
        'a plugin that removes a required header has failed (503); Envoy looks for a route first, and calls the client wrong (400)',
      envoy: { exchanges: [{ expect: { status: 400, upstream: null } }] },
    },
  ],
  [
    'headers-response-sees-request',
    {
      reason: FORGOTTEN,
      envoy: { log: ['get_header_map_value 2'] },
    },
  ],
  ['property-request-in-response', { reason: FORGOTTEN, envoy: { log: ['get_property 1', 'get_property 1'] } }],
  hostile('crlf-value', 'add_header_map_value', 503),
  hostile('lf-value', 'add_header_map_value', 503),
  hostile('nul-value', 'add_header_map_value', 503),
  hostile('crlf-name', 'add_header_map_value', 503),
  hostile('space-name', 'add_header_map_value', 503),
  hostile('empty-name', 'add_header_map_value', 400),
  hostile('replace-crlf', 'replace_header_map_value', 503),
  [
    'grpc-stream-odd-status',
    {
      reason: 'a status that gRPC does not have is UNKNOWN (grpc/doc/statuscodes.md); Envoy hands on -1',
      envoy: {
        log: [
          'get_header_map_value 0 "i1"',
          'get_buffer_bytes 0 "odd"',
          'get_header_map_value 0 "x"',
          'close 4294967295',
        ],
      },
    },
  ],
  [
    'grpc-metadata-not-its-own',
    { reason: 'Envoy sends both, and servers reset the stream (RFC 9113 8.2.2)', envoy: { log: ['close 14'] } },
  ],
  [
    'sequence-end-after-continued-hold',
    {
      reason:
        "a module may write into the last piece of a body, also when it is empty; Envoy's fix of #46841 passes on only what was not empty before",
      envoy: { exchanges: [{ ...WRITTEN_AT_THE_END, expect: { upstream: { body: 'abc' } } }] },
    },
  ],
  [
    'sequence-held-behind-a-full-stop',
    {
      reason: 'Envoy calls for the trailers twice, and loses the body',
      envoy: {
        log: ['trailers 1', 'trailers 1'],
        exchanges: [{ ...HELD_AND_TRAILERS, expect: { upstream: { body: '' } } }],
      },
    },
  ],
  ...['request', 'response'].map((direction): [string, Difference] => [
    `trap-while-a-${direction}-waits`,
    {
      reason:
        'a stream that waits for a VM that dies would wait for ever, as it does in Envoy (envoyproxy/envoy#38801)',
      envoy: { exchanges: ['0', '1'].map((nth) => waiting(nth)) },
    },
  ]),
  open('request-headers', {}),
  open('request-body', WITH_BODY),
  open('request-trailers', WITH_BODY),
  open('response-headers', {}),
  open('context-create', {}),
  [
    'headers-request-write-late',
    {
      reason:
        'request headers stay writable once they have been forwarded, without effect on the upstream; Envoy has forgotten them',
      envoy: { log: ['add_header_map_value 2'] },
    },
  ],
])

/** The case as a target of Envoy's kind is to see it. */
export function onEnvoy(one: Case): Case {
  const difference = DIFFERENCES[one.id]
  return difference === undefined ? one : { ...one, ...difference.envoy }
}
