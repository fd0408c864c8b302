/** `buffer` and `health_check`: what is held and what is answered at once. */
import type { Case, Step } from '../../parity/case.ts'
import type { Dice } from './dice.ts'
import { headerMatcher } from './matchers.ts'

type Generated = Omit<Case, 'id' | 'what'>
type Config = Record<string, unknown>

function limit(dice: Dice): number {
  return dice.chance(0.02) ? 0 : dice.pick([1, 4, 5, 6, 10, 1000])
}

export function bufferCase(dice: Dice): Generated {
  const override = dice.pick<() => Config | undefined>([
    () => undefined,
    () => undefined,
    () => ({ disabled: true }),
    () => ({ buffer: { max_request_bytes: limit(dice) } }),
  ])()
  return {
    filters: [
      {
        name: 'buffer',
        typed_config: { '@type': '~extensions.filters.http.buffer.v3.Buffer', max_request_bytes: limit(dice) },
      },
    ],
    hcm: { http_protocol_options: { enable_trailers: true } },
    routes: [
      { match: { path: '/direct' }, direct_response: { status: 200, body: { inline_string: 'direct' } } },
      {
        match: { prefix: '/' },
        route: { cluster: '$up' },
        ...(override === undefined
          ? {}
          : {
              typed_per_filter_config: {
                buffer: { '@type': '~extensions.filters.http.buffer.v3.BufferPerRoute', ...override },
              },
            }),
      },
    ],
    steps: dice.list(
      2,
      5,
      (): Step => ({
        send: {
          method: dice.pick(['POST', 'PUT', 'GET', 'DELETE']),
          path: dice.pick(['/', '/', '/direct']),
          headers: dice.chance(0.2) ? { 'content-type': 'application/grpc' } : {},
          ...dice.pick([
            {},
            { body: '' },
            { body: 'hello' },
            { chunks: ['hello'] },
            { chunks: ['he', 'llo'] },
            { chunks: ['hell', 'o', '!'] },
            { chunks: ['hello'], trailers: { 'x-t': '1' } },
            { body: 'y'.repeat(2000) },
          ]),
        },
        expect: {},
      }),
    ),
  }
}

const PATHS = ['/health', '/health', '/health?x', '/Health', '/', '/a', '/health/']

export function healthCheckCase(dice: Dice): Generated {
  const own = `health${dice.int(0, 1e9)}`
  const minimum = (cluster: string) => ({ [`$${cluster}`]: { value: dice.pick([0, 1, 33, 34, 50, 50.5, 67, 100]) } })
  const config = (): Config => ({
    '@type': '~extensions.filters.http.health_check.v3.HealthCheck',
    pass_through_mode: dice.chance(0.4),
    ...(dice.chance(0.3) ? { cache_time: '600s' } : {}),
    headers: [
      ...(dice.chance(0.9) ? [{ name: ':path', string_match: { prefix: '/health' } }] : []),
      ...(dice.chance(0.3) ? [headerMatcher(dice)] : []),
    ],
  })
  const filters = dice.list(1, 2, (i) => {
    const made = config()
    return {
      name: `health${i}`,
      typed_config:
        made['pass_through_mode'] === false
          ? {
              ...made,
              cache_time: undefined,
              ...(dice.chance(0.6)
                ? { cluster_min_healthy_percentages: { ...minimum('up'), ...minimum('third') } }
                : {}),
            }
          : made,
    }
  })
  return {
    log: '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%',
    hcm: { stat_prefix: own },
    clusters: {
      up: { hosts: dice.pick([0, 1, 2]) },
      third: {
        hosts: 3,
        endpoints: dice.list(3, 3, () =>
          dice.pick<Config>([
            {},
            {},
            { health_status: 'UNHEALTHY' },
            { health_status: 'DEGRADED' },
            { health_status: 'DRAINING' },
          ]),
        ),
      },
    },
    stats: { [`http.${own}.health_check.`]: {} },
    filters,
    routes: [{ match: { prefix: '/' }, route: { cluster: '$third' } }],
    // One answer, as it is left to chance which host is asked first.
    upstream: dice.list(1, 1, () => ({
      status: dice.pick([200, 200, 404, 500, 503]),
      headers: {
        ...(dice.chance(0.3) ? { 'x-envoy-immediate-health-check-fail': 'true' } : {}),
        ...(dice.chance(0.3) ? { 'x-envoy-degraded': '1' } : {}),
        ...(dice.chance(0.3) ? { 'x-envoy-upstream-healthchecked-cluster': 'other' } : {}),
      },
      body: 'hello',
    })),
    steps: dice.list(
      2,
      5,
      (): Step => ({
        send: {
          method: dice.pick(['GET', 'GET', 'POST', 'HEAD']),
          path: dice.pick(PATHS),
          headers: { ...(dice.chance(0.5) ? { 'x-a': dice.pick(['1', 'abc']) } : {}) },
          ...dice.pick([{}, { body: 'hello' }]),
        },
        expect: {},
      }),
    ),
  }
}
