/** Buckets that last or do not for so many requests; nothing is added to them meanwhile. */
import type { Case, Step } from '../../parity/case.ts'
import type { Dice } from './dice.ts'

const NAME = 'envoy.filters.http.local_ratelimit'
const USERS = ['ann', 'bob', '', 'a b']

type Config = Record<string, unknown>

function bucket(dice: Dice, most: number): Config {
  return {
    max_tokens: dice.int(dice.chance(0.03) ? 0 : 1, most),
    ...(dice.chance(0.4) ? { tokens_per_fill: dice.int(1, 3) } : {}),
    fill_interval: dice.pick(['600s', '3600s', ...(dice.chance(0.05) ? ['0s', '0.01s', '-1s'] : [])]),
  }
}

function action(dice: Dice): Config {
  return dice.pick<() => Config>([
    () => ({ generic_key: { descriptor_value: dice.pick(['one', 'two']) } }),
    () => ({ generic_key: { descriptor_value: 'one', descriptor_key: 'k' } }),
    () => ({ request_headers: { header_name: 'x-user', descriptor_key: 'user' } }),
    () => ({ request_headers: { header_name: 'x-user', descriptor_key: 'user', skip_if_absent: true } }),
    () => ({
      header_value_match: {
        descriptor_value: 'get',
        headers: [{ name: ':method', string_match: { exact: 'GET' } }],
        ...(dice.chance(0.5) ? { expect_match: dice.chance(0.5) } : {}),
      },
    }),
    () => ({ remote_address: {} }),
  ])()
}

function rateLimit(dice: Dice): Config {
  return {
    actions: dice.list(1, 2, () => action(dice)),
    ...(dice.chance(0.2) ? { stage: dice.pick([0, 1]) } : {}),
    ...(dice.chance(0.1) ? { disable_key: 'off' } : {}),
  }
}

/** Not 0: Envoy refuses who takes nothing. */
function hits(dice: Dice): Config {
  return { hits_addend: dice.pick<Config>([{ number: 2 }, { format: '%REQ(x-hits)%' }, { number: 3 }]) }
}

function entries(dice: Dice): Config[] {
  const one = () =>
    dice.pick<Config>([
      { key: 'generic_key', value: 'one' },
      { key: 'generic_key', value: 'two' },
      { key: 'k', value: 'one' },
      { key: 'user', value: 'ann' },
      { key: 'user', value: 'bob' },
      { key: 'user' },
      { key: 'header_match', value: 'get' },
      { key: 'remote_address', value: '127.0.0.1' },
    ])
  return dice.list(dice.chance(0.01) ? 0 : 1, 2, one)
}

function config(dice: Dice, own: string): Config {
  const may = (chance: number, fields: () => Config) => (dice.chance(chance) ? fields() : {})
  const part = () => ({ default_value: { numerator: dice.pick([100, 100, 100, 0]) }, runtime_key: 'none' })
  const added = (key: string) => [{ header: { key, value: dice.pick(['1', '%REQ(x-user)%', '']) } }]
  return {
    '@type': '~extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
    stat_prefix: own,
    ...may(0.9, () => ({ token_bucket: bucket(dice, 5) })),
    ...may(0.95, () => ({ filter_enabled: part() })),
    ...may(0.95, () => ({ filter_enforced: part() })),
    ...may(0.3, () => ({ status: { code: dice.pick([503, 403, 200, 429]) } })),
    ...may(0.3, () => ({ request_headers_to_add_when_not_enforced: added('x-over') })),
    ...may(0.3, () => ({ response_headers_to_add: added('x-limited') })),
    ...may(0.6, () => ({
      descriptors: dice.list(1, 3, () => ({
        entries: entries(dice),
        token_bucket: bucket(dice, 3),
        ...may(0.2, () => ({ shadow_mode: true })),
      })),
    })),
    ...may(0.2, () => ({ stage: dice.pick([0, 1]) })),
    ...may(0.5, () => ({ enable_x_ratelimit_headers: 'DRAFT_VERSION_03' })),
    ...may(0.3, () => ({ enable_retry_after_header: true })),
    ...may(0.2, () => ({ vh_rate_limits: dice.pick(['OVERRIDE', 'INCLUDE', 'IGNORE']) })),
    ...may(0.3, () => ({ always_consume_default_token_bucket: dice.chance(0.4) })),
    ...may(0.1, () => ({ local_rate_limit_per_downstream_connection: true })),
    ...may(0.2, () => ({ rate_limited_as_resource_exhausted: true })),
    ...may(0.2, () => ({ rate_limits: [{ ...rateLimit(dice), ...may(0.5, () => hits(dice)) }] })),
    ...may(0.1, () => ({ max_dynamic_descriptors: dice.pick([1, 2, 100]) })),
  }
}

export function localRateLimitCase(dice: Dice): Omit<Case, 'id' | 'what'> {
  const own = `local${dice.int(0, 1e9)}`
  const limits = (share: number) => (dice.chance(share) ? { rate_limits: dice.list(1, 2, () => rateLimit(dice)) } : {})
  const perRoute = dice.chance(0.2) ? { typed_per_filter_config: { [NAME]: config(dice, `${own}r`) } } : {}
  const routes = [
    { match: { prefix: '/p' }, name: 'p', route: { cluster: '$up', ...limits(0.5) }, ...perRoute },
    { match: { prefix: '/' }, name: 'all', route: { cluster: '$up', ...limits(0.8) } },
  ]
  return {
    stats: { [`${own}.`]: {}, [`${own}r.`]: {} },
    filters: [{ name: NAME, typed_config: config(dice, own) }],
    virtual_hosts: [{ name: 'all', domains: ['*'], routes, ...limits(0.3) }],
    steps: dice.list(
      3,
      8,
      (): Step => ({
        send: {
          method: dice.pick(['GET', 'POST']),
          path: dice.pick(['/', '/', '/p']),
          headers: {
            ...(dice.chance(0.8) ? { 'x-user': dice.pick(USERS) } : {}),
            ...(dice.chance(0.3) ? { 'x-hits': dice.pick(['1', '2', 'x', '1.5']) } : {}),
            ...(dice.chance(0.1) ? { 'content-type': 'application/grpc' } : {}),
          },
        },
        expect: {},
      }),
    ),
  }
}
