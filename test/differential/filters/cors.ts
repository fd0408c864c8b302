/** Policies of routes and virtual hosts, and requests from origins that they know or do not. */
import type { Case, Step } from '../../parity/case.ts'
import type { Dice } from './dice.ts'
import { stringMatcher } from './matchers.ts'

const NAME = 'envoy.filters.http.cors'
const ORIGINS = ['http://a.example', 'http://A.example', 'https://a.example:8443', 'null', '*', 'x']

type Config = Record<string, unknown>

function policy(dice: Dice, share: number): Config {
  if (!dice.chance(share)) return {}
  const may = (chance: number, fields: () => Config) => (dice.chance(chance) ? fields() : {})
  const part = () => ({
    default_value: { numerator: dice.pick([0, 100]) },
    ...may(0.5, () => ({ runtime_key: 'none' })),
  })
  const made = {
    '@type': '~extensions.filters.http.cors.v3.CorsPolicy',
    ...may(0.9, () => ({
      allow_origin_string_match: dice.list(1, 2, () =>
        dice.chance(0.6) ? { exact: dice.pick(ORIGINS) } : stringMatcher(dice, ORIGINS),
      ),
    })),
    ...may(0.6, () => ({ allow_methods: dice.pick(['GET,POST', '*', '']) })),
    ...may(0.6, () => ({ allow_headers: dice.pick(['x-a, x-b', '*', '']) })),
    ...may(0.5, () => ({ expose_headers: dice.pick(['x-b', '*', 'é']) })),
    ...may(0.5, () => ({ max_age: dice.pick(['600', 'x', '']) })),
    ...may(0.5, () => ({ allow_credentials: dice.chance(0.7) })),
    ...may(0.3, () => ({ filter_enabled: part() })),
    ...may(0.3, () => ({ shadow_enabled: part() })),
    ...may(0.3, () => ({ allow_private_network_access: dice.chance(0.7) })),
    ...may(0.3, () => ({ forward_not_matching_preflights: dice.chance(0.5) })),
  }
  return { typed_per_filter_config: { [NAME]: made } }
}

export function corsCase(dice: Dice): Omit<Case, 'id' | 'what'> {
  const own = `cors${dice.int(0, 1e9)}`
  const routes = [
    { match: { prefix: '/d' }, direct_response: { status: 403, body: { inline_string: 'no' } }, ...policy(dice, 0.7) },
    { match: { prefix: '/' }, route: { cluster: '$up' }, ...policy(dice, 0.7) },
  ]
  return {
    hcm: { stat_prefix: own },
    stats: { [`http.${own}.cors.`]: {} },
    filters: [{ name: NAME, typed_config: { '@type': '~extensions.filters.http.cors.v3.Cors' } }],
    virtual_hosts: [{ name: 'all', domains: ['a.example'], routes, ...policy(dice, 0.5) }],
    route_config: policy(dice, 0.2),
    upstream: [
      {
        headers: dice.chance(0.3)
          ? {
              'access-control-allow-origin': 'http://up',
              'access-control-allow-credentials': 'false',
              'access-control-expose-headers': ['x-up', 'x-up2'],
            }
          : {},
        body: 'ok',
      },
    ],
    steps: dice.list(
      2,
      5,
      (): Step => ({
        send: {
          method: dice.pick(['GET', 'POST', 'OPTIONS', 'OPTIONS', 'OPTIONS', 'HEAD']),
          path: dice.pick(['/', '/d', '/x']),
          host: dice.chance(0.95) ? 'a.example' : 'none.example',
          headers: {
            ...(dice.chance(0.9)
              ? { origin: dice.chance(0.9) ? dice.pick([...ORIGINS, '']) : ['http://a.example', 'x'] }
              : {}),
            ...(dice.chance(0.7) ? { 'access-control-request-method': dice.pick(['GET', 'GET', '']) } : {}),
            ...(dice.chance(0.3) ? { 'access-control-request-headers': 'x-a' } : {}),
            ...(dice.chance(0.3)
              ? { 'access-control-request-private-network': dice.pick(['true', 'false', 'TRUE']) }
              : {}),
          },
        },
        expect: {},
      }),
    ),
  }
}
