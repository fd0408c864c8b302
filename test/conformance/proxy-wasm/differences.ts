/**
 * Where Envoy 1.40 does otherwise than a case expects, with the reason why Sluice does not do the same. `envoy` says what Envoy
 * does, so that a change there is noticed too.
 */
import type { Case } from './case.ts'

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
    'headers-response-sees-request',
    {
      reason:
        'Envoy forgets the request headers once the request callback has returned Continue; other hosts keep them readable, and so do we',
      envoy: { log: ['get_header_map_value 2'] },
    },
  ],
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
