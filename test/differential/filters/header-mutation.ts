/** Mutations of the filter and of all levels of a route, over headers that requests and answers have. */
import type { Case, Step } from '../../parity/case.ts'
import type { Dice } from './dice.ts'

const NAME = 'envoy.filters.http.header_mutation'
const TYPE = '~extensions.filters.http.header_mutation.v3'
const HEADERS = ['x-a', 'X-A', 'x-b', 'x-two', 'x-none', 'x-empty', 'cookie', 'set-cookie', 'content-type', 'server']
const ODD = [':path', ':authority', 'host', 'Host', ':status', ':method', '', 'a b', 'x-é']
const ACTIONS = ['APPEND_IF_EXISTS_OR_ADD', 'ADD_IF_ABSENT', 'OVERWRITE_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS']

type Config = Record<string, unknown>

function mutation(dice: Dice): Config {
  const key = dice.chance(0.99) ? dice.pick(HEADERS) : dice.pick(ODD)
  if (dice.chance(0.25)) return { remove: key }
  if (dice.chance(0.01)) return {}
  const value = dice.pick([
    'new',
    '',
    'two words',
    '%REQ(x-a)%',
    '%REQ(x-none)%',
    '%RESP(x-a)%-%PROTOCOL%',
    '%REQ(x-a?x-b):1%',
    '%RESPONSE_CODE%',
    '%ROUTE_NAME%',
    '%%',
    'é',
    ...(dice.chance(0.05) ? ['100%', '%NONE%', '%REQ(%'] : []),
  ])
  return {
    append: {
      header: { key, value },
      ...(dice.chance(0.7) ? { append_action: dice.pick(ACTIONS) } : {}),
      ...(dice.chance(0.3) ? { keep_empty_value: true } : {}),
    },
  }
}

function parameter(dice: Dice): Config {
  const key = dice.pick(['a', 'b', 'new', 'A', ...(dice.chance(0.03) ? [''] : [])])
  if (dice.chance(0.3)) return { remove: key }
  const value = dice.pick<unknown>([
    '1',
    '',
    'two words',
    '%REQ(x-a)%',
    '%REQ(x-none)%',
    'a&b=c',
    '%%',
    'é',
    '+',
    ...(dice.chance(0.03) ? [5] : []),
  ])
  return { append: { record: { key, value }, ...(dice.chance(0.7) ? { action: dice.pick(ACTIONS) } : {}) } }
}

function mutations(dice: Dice): Config {
  return {
    mutations: {
      ...(dice.chance(0.7) ? { request_mutations: dice.list(1, 4, () => mutation(dice)) } : {}),
      ...(dice.chance(0.3) ? { query_parameter_mutations: dice.list(1, 3, () => parameter(dice)) } : {}),
      ...(dice.chance(0.7) ? { response_mutations: dice.list(1, 4, () => mutation(dice)) } : {}),
    },
  }
}

/** Of one level: the route, its virtual host or the route configuration. */
function level(dice: Dice, share: number): Config {
  if (!dice.chance(share)) return {}
  return { typed_per_filter_config: { [NAME]: { '@type': `${TYPE}.HeaderMutationPerRoute`, ...mutations(dice) } } }
}

export function headerMutationCase(dice: Dice): Omit<Case, 'id' | 'what'> {
  const wins = dice.chance(0.3) ? { most_specific_header_mutations_wins: true } : {}
  const lists = dice.chance(0.3)
    ? {
        request_headers_to_add: [{ header: { key: 'x-a', value: 'route' } }],
        response_headers_to_add: [{ header: { key: 'x-b', value: 'route' } }],
        response_headers_to_remove: ['x-two'],
      }
    : {}
  const routes = [
    { match: { prefix: '/d' }, name: 'direct', direct_response: { status: 404 }, ...level(dice, 0.5) },
    { match: { prefix: '/' }, name: 'all', route: { cluster: '$up' }, ...lists, ...level(dice, 0.6) },
  ]
  return {
    filters: [{ name: NAME, typed_config: { '@type': `${TYPE}.HeaderMutation`, ...mutations(dice), ...wins } }],
    virtual_hosts: [{ name: 'all', domains: ['*'], routes, ...level(dice, 0.3) }],
    route_config: level(dice, 0.3),
    upstream: [
      {
        status: dice.pick([200, 404]),
        headers: {
          'x-a': dice.pick(['up', ['up', 'up2'], '']),
          'x-two': ['1', '2'],
          'set-cookie': ['a=b', 'c=d'],
          'x-empty': '',
          ...(dice.chance(0.5) ? { 'content-type': 'text/plain' } : {}),
        },
        body: 'ok',
      },
    ],
    steps: dice.list(
      1,
      3,
      (): Step => ({
        send: {
          method: dice.pick(['GET', 'POST']),
          path: dice.pick(['/', '/d', '/none', '/?b=1&a=2&a=3', '/?b&%61=%2e&c=%2b+', '/?', '/p?=&&x', '/?z=%zz']),
          headers: {
            'x-a': dice.pick(['1', ['1', '2'], '']),
            'x-two': ['1', '2'],
            'x-empty': '',
            ...(dice.chance(0.5) ? { cookie: 'a=b' } : {}),
          },
        },
        expect: {},
      }),
    ),
  }
}
