/** Faults that strike always or never, by configuration, by header and by route. */
import type { Case, Step } from '../../parity/case.ts'
import type { Dice } from './dice.ts'
import { headerMatcher, TEXTS } from './matchers.ts'

const NAME = 'envoy.filters.http.fault'
const NUMBERS = ['0', '1', '50', '100', '101', '200', '404', '599', '600', '-1', 'x', '', '1.5', '0x10', ' 7 ']

/** Of what a configuration allows: none of it, or all. */
const SHARES = ['0', '0', '4000000000', 'x', '', '-1']

type Config = Record<string, unknown>

function config(dice: Dice): Config {
  const may = (chance: number, fields: () => Config) => (dice.chance(chance) ? fields() : {})
  const percentage = () =>
    may(0.9, () => ({
      percentage: dice.pick<Config>([
        { numerator: 100 },
        { numerator: 100 },
        { numerator: 0 },
        { numerator: 10_000, denominator: 'TEN_THOUSAND' },
        { numerator: 1_000_000, denominator: 'MILLION' },
        { numerator: 200 },
        {},
      ]),
    }))
  const abort = () =>
    dice.pick<() => Config>([
      () => ({ http_status: dice.pick([200, 404, 503, 599, ...(dice.chance(0.1) ? [0, 100, 199, 600] : [])]) }),
      () => ({ http_status: 503 }),
      () => ({ grpc_status: dice.pick([0, 5, 16, 17]) }),
      () => ({ header_abort: {} }),
      () => ({ header_abort: {} }),
      () => (dice.chance(0.1) ? {} : { header_abort: {} }),
    ])()
  const delay = () =>
    dice.pick<() => Config>([
      () => ({ fixed_delay: dice.pick(['0.02s', '0.001s', '0.0001s', ...(dice.chance(0.1) ? ['0s', '-1s'] : [])]) }),
      () => ({ header_delay: {} }),
      () => (dice.chance(0.1) ? {} : { header_delay: {} }),
    ])()
  return {
    '@type': '~extensions.filters.http.fault.v3.HTTPFault',
    ...may(0.8, () => ({ abort: { ...abort(), ...percentage() } })),
    ...may(0.4, () => ({ delay: { ...delay(), ...percentage() } })),
    ...may(0.2, () => ({ upstream_cluster: dice.pick(['$up', '$up', 'none']) })),
    ...may(0.3, () => ({ headers: [headerMatcher(dice)] })),
    ...may(0.2, () => ({ downstream_nodes: dice.list(1, 2, () => dice.pick(['n', 'm', ''])) })),
    ...may(0.1, () => ({ max_active_faults: dice.pick([0, 1, 100]) })),
    ...may(0.2, () => ({
      response_rate_limit: {
        ...dice.pick<Config>([{ fixed_limit: { limit_kbps: dice.chance(0.95) ? 100 : 0 } }, { header_limit: {} }]),
        ...percentage(),
      },
    })),
    ...may(0.1, () => ({ filter_metadata: { a: 'b', n: 1 } })),
    ...may(0.2, () => ({ disable_downstream_cluster_stats: true })),
  }
}

export function faultCase(dice: Dice): Omit<Case, 'id' | 'what'> {
  const own = `fault${dice.int(0, 1e9)}`
  const perRoute = dice.chance(0.3) ? { typed_per_filter_config: { [NAME]: config(dice) } } : {}
  const number = () => dice.pick(NUMBERS)
  return {
    log: `%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %GRPC_STATUS% %DYNAMIC_METADATA(${NAME})%`,
    hcm: { stat_prefix: own },
    stats: { [`http.${own}.fault.`]: {} },
    filters: [{ name: NAME, typed_config: config(dice) }],
    routes: [
      { match: { prefix: '/d' }, direct_response: { status: 404 } },
      { match: { prefix: '/' }, route: { cluster: '$up' }, ...perRoute },
    ],
    steps: dice.list(
      2,
      5,
      (): Step => ({
        send: {
          method: dice.pick(['GET', 'POST']),
          path: dice.pick(['/', '/', '/d', '/none']),
          headers: {
            ...(dice.chance(0.7) ? { 'x-a': dice.pick(TEXTS) } : {}),
            ...(dice.chance(0.5) ? { 'x-envoy-fault-abort-request': number() } : {}),
            ...(dice.chance(0.2) ? { 'x-envoy-fault-abort-request-percentage': dice.pick(SHARES) } : {}),
            ...(dice.chance(0.2) ? { 'x-envoy-fault-abort-grpc-request': number() } : {}),
            ...(dice.chance(0.2) ? { 'x-envoy-fault-delay-request': number() } : {}),
            ...(dice.chance(0.1) ? { 'x-envoy-fault-delay-request-percentage': dice.pick(SHARES) } : {}),
            ...(dice.chance(0.1) ? { 'x-envoy-fault-throughput-response': number() } : {}),
            ...(dice.chance(0.1) ? { 'x-envoy-fault-throughput-response-percentage': dice.pick(SHARES) } : {}),
            ...(dice.chance(0.3) ? { 'x-envoy-downstream-service-node': dice.pick(['n', 'm', 'N']) } : {}),
            ...(dice.chance(0.3) ? { 'x-envoy-downstream-service-cluster': dice.pick(['c', 'c.d', '']) } : {}),
            ...(dice.chance(0.2) ? { 'content-type': 'application/grpc' } : {}),
          },
          ...dice.pick<Step['send']>([{}, { body: 'hello' }]),
        },
        expect: {},
      }),
    ),
  }
}
