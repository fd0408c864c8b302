/** Services that are asked with the request itself, what they answer, and what of it reaches upstream and client. */
import type { Answer, Case, ClusterSettings, Step } from '../../parity/case.ts'
import type { Dice } from './dice.ts'

/** Headers that requests, answers and the lists of names have in common. */
export const NAMES = ['x-a', 'x-b', 'x-two', 'authorization', 'content-type', 'set-cookie', 'x-none']
const LISTED = [...NAMES, 'X-A', 'host', ':path', 'location', 'cookie', 'x-envoy-auth-headers-to-remove']
export const METADATA = 'envoy.filters.http.ext_authz'

export type Config = Record<string, unknown>

/** None concerns the length of a body or its coding: with those of another message Envoy writes what nobody can read. */
function names(dice: Dice, listed: readonly string[]): Config {
  const pattern = dice.pick<() => Config>([
    () => ({ exact: dice.pick(listed) }),
    () => ({ exact: dice.pick(listed) }),
    () => ({ prefix: dice.pick(['x-', 'X-', 'auth', 'set-']), ...(dice.chance(0.3) ? { ignore_case: true } : {}) }),
    () => ({ suffix: dice.pick(['-a', 'kie', '-type']) }),
    () => ({ contains: dice.pick(['-two', 'oki', 'W']), ...(dice.chance(0.3) ? { ignore_case: true } : {}) }),
    () => ({ safe_regex: { regex: dice.pick(['x-.*', '[a-x]-[ab]', 'X-.*', '(?i)X-A']) } }),
  ])
  return { patterns: dice.list(dice.chance(0.01) ? 0 : 1, 3, () => pattern()) }
}

/** Each of the lists by chance. */
function lists(dice: Dice, fields: readonly string[], share: number): Config {
  return Object.fromEntries(
    dice.some(fields, share).map((field) => [field, names(dice, field.startsWith('disallowed') ? NAMES : LISTED)]),
  )
}

function bodySettings(dice: Dice): Config {
  return {
    max_request_bytes: dice.chance(0.97) ? dice.pick([1, 4, 5, 8, 1000]) : 0,
    ...(dice.chance(0.5) ? { allow_partial_message: true } : {}),
    ...(dice.chance(0.2) ? { pack_as_bytes: true } : {}),
  }
}

function httpService(dice: Dice): Config {
  const responseLists = [
    'allowed_upstream_headers',
    'allowed_upstream_headers_to_append',
    'allowed_client_headers',
    'allowed_client_headers_on_success',
    'dynamic_metadata_from_headers',
  ]
  const uri = dice.pick([
    'http://authz',
    'http://authz:81/x',
    'https://authz/',
    'authz',
    ...(dice.chance(0.1) ? [''] : []),
  ])
  const added = () => ({
    key: dice.pick(['x-a', 'X-New', 'x-b', 'authorization', ...(dice.chance(0.1) ? ['a b', '', 'host', ':path'] : [])]),
    value: dice.pick(['new', '', 'two words', '%REQ(x-a)%', '%PROTOCOL%', '%%', ...(dice.chance(0.1) ? ['100%'] : [])]),
  })
  return {
    server_uri: {
      uri,
      cluster: dice.chance(0.97) ? '$authz' : 'none',
      ...(dice.chance(0.97) ? { timeout: dice.pick(['2s', '2s', '2s', '0.1s']) } : {}),
    },
    ...(dice.chance(0.4)
      ? { path_prefix: dice.pick(['/check', '/check/', '/', '/c?x=', ...(dice.chance(0.2) ? ['check'] : [])]) }
      : {}),
    ...(dice.chance(0.4)
      ? {
          authorization_request: {
            ...lists(dice, ['allowed_headers'], 0.5),
            ...(dice.chance(0.6) ? { headers_to_add: dice.list(1, 2, added) } : {}),
          },
        }
      : {}),
    ...(dice.chance(0.8) ? { authorization_response: lists(dice, responseLists, 0.5) } : {}),
  }
}

function share(dice: Dice): Config {
  return { default_value: { numerator: dice.pick([0, 100]) }, ...(dice.chance(0.5) ? { runtime_key: 'none' } : {}) }
}

/** What the filter is told beside its service. */
export function filterFields(dice: Dice): Config {
  const may = (chance: number, fields: () => Config) => (dice.chance(chance) ? fields() : {})
  return {
    '@type': '~extensions.filters.http.ext_authz.v3.ExtAuthz',
    ...may(0.4, () => ({ transport_api_version: 'V3' })),
    ...may(0.3, () => ({ failure_mode_allow: true })),
    ...may(0.3, () => ({ failure_mode_allow_header_add: true })),
    ...may(0.4, () => ({ with_request_body: bodySettings(dice) })),
    ...may(0.3, () => ({ clear_route_cache: true })),
    ...may(0.3, () => ({
      status_on_error: { code: dice.pick([200, 401, 404, 503, ...(dice.chance(0.2) ? [0, 99, 700] : [])]) },
    })),
    ...may(0.1, () => ({ filter_enabled: share(dice) })),
    ...may(0.1, () => ({ deny_at_disable: { default_value: dice.chance(0.5), runtime_key: 'none' } })),
    ...may(0.1, () => ({
      filter_enabled_metadata: {
        filter: 'none',
        path: [{ key: 'k' }],
        value: { present_match: true },
        ...may(0.5, () => ({ invert: true })),
      },
    })),
    ...may(0.2, () => ({ stat_prefix: dice.pick(['s', 's.t', 'S_']) })),
    ...lists(dice, ['allowed_headers', 'disallowed_headers'], 0.3),
    ...may(0.1, () => ({ charge_cluster_response_stats: dice.chance(0.5) })),
  }
}

function perRoute(dice: Dice): Config {
  const settings = () => ({
    ...(dice.chance(0.3) ? { context_extensions: { a: 'b' } } : {}),
    ...(dice.chance(0.3) ? { disable_request_body_buffering: true } : {}),
    ...(dice.chance(0.5) ? { with_request_body: bodySettings(dice) } : {}),
  })
  return {
    typed_per_filter_config: {
      [METADATA]: {
        '@type': '~extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute',
        ...dice.pick<Config>([
          { disabled: dice.chance(0.95) },
          { check_settings: settings() },
          { check_settings: settings() },
        ]),
      },
    },
  }
}

function answer(dice: Dice): Answer {
  const value = () => dice.pick(['1', 'two words', '', 'a,b', 'A'])
  const headers = Object.fromEntries(
    dice
      .some(NAMES, 0.4)
      .map(
        (name) =>
          [name, dice.chance(0.2) && name !== 'content-type' ? [value(), value()] : value()] as [
            string,
            string | string[],
          ],
      ),
  )
  return {
    status: dice.pick([200, 200, 200, 200, 401, 403, 201, 204, 302, 404, 429, 500, 503]),
    headers: {
      ...headers,
      ...(dice.chance(0.2) ? { location: '/login' } : {}),
      ...(dice.chance(0.2) ? { 'www-authenticate': 'Basic' } : {}),
      ...(dice.chance(0.1) ? { host: 'other' } : {}),
      ...(dice.chance(0.3)
        ? {
            'x-envoy-auth-headers-to-remove': dice.pick([
              'x-a',
              'x-a, x-two',
              ' X-B ,,',
              'host',
              ':path',
              '',
              'x-a,content-length',
            ]),
          }
        : {}),
    },
    ...dice.pick<Answer>([{ body: 'said' }, { body: '' }, { chunks: ['sa', 'id'] }]),
    ...(dice.chance(0.05) ? { delayMs: 400 } : {}),
    ...(dice.chance(0.03) ? { raw: dice.pick(['', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab']), end: true } : {}),
  }
}

function send(dice: Dice): Step['send'] {
  return {
    method: dice.pick(['GET', 'POST', 'POST', 'HEAD']),
    path: dice.pick(['/', '/p/x?q=1', '/p', '/"q"']),
    host: dice.pick(['abc', 'ABC:80']),
    headers: {
      ...(dice.chance(0.8) ? { 'x-a': dice.pick(['0', '', ['0', '00']]) } : {}),
      'x-two': [dice.pick(['2', '']), '22'],
      ...(dice.chance(0.5) ? { authorization: 'Bearer x' } : {}),
      ...(dice.chance(0.3) ? { 'x-b': '\xe9' } : {}),
      ...(dice.chance(0.2) ? { cookie: 'c=d' } : {}),
      ...(dice.chance(0.1) ? { 'x-envoy-auth-partial-body': 'x', 'x-envoy-auth-failure-mode-allowed': 'x' } : {}),
    },
    ...dice.pick<Step['send']>([
      {},
      { body: 'hello' },
      { body: 'hello' },
      { chunks: ['he', 'llo', ' world'] },
      { chunks: ['abc'], trailers: { 'x-t': 'v' } },
      { body: '' },
    ]),
  }
}

/** One filter with its service, before routes that headers choose. */
export function extAuthzScene(
  dice: Dice,
  own: string,
  config: Config,
  service: ClusterSettings,
): Omit<Case, 'id' | 'what'> {
  const shown = [...NAMES, 'x-a2'].map((name) => `%DYNAMIC_METADATA(${METADATA}:${name})%`)
  return {
    log: `%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% route=%ROUTE_NAME% in=%BYTES_RECEIVED% ${shown.join(' ')}`,
    hcm: { stat_prefix: own },
    stats: { [`http.${own}.ext_authz.`]: {}, [`cluster.${own}.ext_authz.`]: {} },
    filters: [{ name: METADATA, typed_config: config }],
    clusters: { up: { alt_stat_name: own }, authz: { ...service, ...(dice.chance(0.03) ? { down: true } : {}) } },
    routes: [
      {
        match: { prefix: '/', headers: [{ name: 'x-a', string_match: { exact: '1' } }] },
        name: 'second',
        route: { cluster: '$up' },
      },
      { match: { prefix: '/p' }, name: 'p', route: { cluster: '$up' }, ...(dice.chance(0.3) ? perRoute(dice) : {}) },
      { match: { prefix: '/' }, name: 'all', route: { cluster: '$up' } },
    ],
    upstream: [
      { status: 200, headers: { 'x-a': 'up', 'x-b': ['up', 'up2'], 'content-type': 'text/plain' }, body: 'ok' },
    ],
    steps: dice.list(1, 4, (): Step => ({ send: send(dice), expect: {} })),
  }
}

export function extAuthzCase(dice: Dice): Omit<Case, 'id' | 'what'> {
  const own = `authz${dice.int(0, 1e9)}`
  const config = { ...filterFields(dice), http_service: httpService(dice) }
  return extAuthzScene(dice, own, config, { answers: dice.list(1, 4, () => answer(dice)) })
}
