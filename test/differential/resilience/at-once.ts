/** Several requests at once on one HTTP/2 connection, which often share one to the upstream, too. */
import type { Answer, Case, ClusterSettings, Send } from '../../parity/case.ts'
import type { Dice } from '../filters/dice.ts'
import { base, manager } from './base.ts'
import { type Config, may, retryPolicy, times } from './policy.ts'
import { request } from './requests.ts'
import { answers } from './upstreams.ts'

export function atOnce(dice: Dice, id: string): Case {
  const grpc = dice.chance(0.4)
  const http2 = dice.chance(0.7)
  const steps = dice.list(1, 2, (i) => dice.list(2, 4, (j) => stream(dice, grpc, `/${i}/${j}`)))
  const paths = steps.flat().map(({ path }) => path)
  const retries = dice.chance(0.6)
  const route = {
    match: { prefix: '/' },
    route: { cluster: '$up', ...times(dice), ...(retries ? { retry_policy: retryPolicy(dice) } : {}) },
  }
  return {
    ...base(id),
    hcm: manager(id),
    virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }],
    clusters: {
      up: {
        ...(http2 ? { http2: settings(dice, retries), ...options(dice) } : {}),
        answers: paths.flatMap((path) => answers(dice, http2, grpc).map((one, i) => ({ path, ...onlyFirst(one, i) }))),
        ...limits(dice),
      },
    },
    steps: steps.map(([send, ...beside]) => ({ send, beside, expect: {} })),
  }
}

function stream(dice: Dice, grpc: boolean, path: string): Send {
  return { ...request(dice, grpc, true), version: 'HTTP/2', path }
}

/** Whose try comes first on the next connection is left to chance: a GOAWAY there would refuse one or the other. Here all have come. */
function onlyFirst(answer: Answer, i: number): Answer {
  if (answer.goAway === undefined) return answer
  return i === 0 ? { ...answer, delayMs: 70 } : { ...answer, goAway: undefined }
}

/** Of the upstream's server. It refuses what comes before its SETTINGS are known; whose retry is one of these would be left to chance. */
function settings(dice: Dice, retries: boolean): NonNullable<ClusterSettings['http2']> {
  return {
    ...may(dice, retries ? 0 : 0.5, () => ({ maxConcurrentStreams: dice.pick([1, 2, 3]) })),
    ...may(dice, 0.2, () => ({ initialWindowSize: dice.pick([0, 100, 70_000]) })),
  }
}

/** Of the cluster. */
function options(dice: Dice): Config {
  return may(dice, 0.4, () => ({
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': '~extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: {
          http2_protocol_options: may(dice, 0.7, () => ({ max_concurrent_streams: dice.pick([1, 2, 3]) })),
        },
        common_http_protocol_options: may(dice, 0.4, () => ({ max_requests_per_connection: dice.pick([1, 2, 3]) })),
      },
    },
  }))
}

/** Of what is taken in turn as the requests come; retries come when they come. */
function limits(dice: Dice): Config {
  return may(dice, 0.2, () => ({
    circuit_breakers: {
      thresholds: [
        {
          max_retries: 100,
          ...may(dice, 0.4, () => ({ max_requests: dice.pick([1, 2, 3]) })),
          ...may(dice, 0.4, () => ({ max_pending_requests: dice.pick([1, 2, 3]) })),
          ...may(dice, 0.4, () => ({ max_connections: dice.pick([1, 2]) })),
        },
      ],
    },
  }))
}
