/**
 * Where Envoy 1.40 does otherwise than a case expects, with the reason why Sluice does not do the same. `envoy` says what Envoy
 * does, so that a change there is noticed too.
 */
import type { Case, Request } from './case.ts'

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
    'grpc-call-timeout',
    {
      reason: 'a deadline that has passed is DEADLINE_EXCEEDED in gRPC; Envoy turns its own 504 reply into UNAVAILABLE',
      envoy: { log: ['14'] },
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
  open('request-headers', {}),
  open('request-body', WITH_BODY),
  open('request-trailers', WITH_BODY),
  open('response-headers', {}),
  open('context-create', {}),
  [
    'headers-request-write-late',
    {
      reason: 'as above: a late write is accepted, and has no effect on the upstream',
      envoy: { log: ['add_header_map_value 2'] },
    },
  ],
])

/** The case as a target of Envoy's kind is to see it. */
export function onEnvoy(one: Case): Case {
  const difference = DIFFERENCES[one.id]
  return difference === undefined ? one : { ...one, ...difference.envoy }
}
