/** Providers, the places of their tokens, requirements of all shapes, and requests with good and odd tokens. */
import type { Answer, Case, ClusterSettings, Step } from '../../parity/case.ts'
import type { Dice } from './dice.ts'
import { stringMatcher } from './matchers.ts'
import { keySet, token } from './tokens.ts'

const NAME = 'envoy.filters.http.jwt_authn'
const METADATA = [
  'payload',
  'payload:a',
  'payload:o',
  'payload:scope',
  'payload:exp',
  'both',
  'both:alg',
  'both:sub',
  'head',
  'head:kid',
]

type Config = Record<string, unknown>

function may(dice: Dice, chance: number, made: () => Config): Config {
  return dice.chance(chance) ? made() : {}
}

function provider(dice: Dice, index: number, alone: boolean): Config {
  const from = (name: string) => ({
    name,
    ...may(dice, 0.5, () => ({ value_prefix: dice.pick(['Bearer ', 'Tok=', 'bearer ', 'B']) })),
  })
  const claim = () => ({
    header_name: dice.pick(['x-a', 'X-Sub', 'x-payload', 'x-o']),
    claim_name: dice.pick([
      'a',
      'sub',
      'o.a',
      'o.b',
      'o.b.c',
      'o',
      'a.b',
      'aud',
      'exp',
      'scope',
      'none',
      '.',
      'o.',
      ...(dice.chance(0.05) ? [''] : []),
    ]),
  })
  return {
    // Beside others one without an issuer takes tokens that are looked for at their places, and only there.
    ...may(dice, index === 0 && alone ? 0.8 : 1, () => ({ issuer: `i${index}` })),
    ...may(dice, 0.3, () => ({
      audiences: dice.list(1, 2, () => dice.pick(['a', 'b', 'https://a', 'http://a/', 'A', ''])),
    })),
    ...may(dice, 0.15, () => ({ subjects: stringMatcher(dice, ['joe', 'abc', '']) })),
    ...may(dice, 0.15, () => ({ require_expiration: true })),
    ...may(dice, 0.15, () => ({ max_lifetime: dice.pick(['100s', '9000000000s', '0s']) })),
    ...may(dice, 0.98, () => ({ local_jwks: { inline_string: keySet(dice) } })),
    ...may(dice, 0.4, () => ({ forward: true })),
    ...may(dice, 0.3, () => ({
      from_headers: dice.some([dice.pick(['x-tok', 'X-Tok']), 'authorization', 'x-other']).map(from),
    })),
    ...may(dice, 0.3, () => ({ from_params: dice.list(1, 2, () => dice.pick(['tok', 'access_token', 't.k', 'a'])) })),
    ...may(dice, 0.2, () => ({ from_cookies: dice.list(1, 2, () => dice.pick(['tok', 'Tok', 'other'])) })),
    ...may(dice, 0.4, () => ({ forward_payload_header: dice.pick(['x-payload', 'X-Payload', 'x-a']) })),
    ...may(dice, 0.3, () => ({ pad_forward_payload_header: true })),
    ...may(dice, 0.4, () => ({ payload_in_metadata: dice.pick(['payload', 'both']) })),
    ...may(dice, 0.3, () => ({ header_in_metadata: dice.pick(['head', 'both']) })),
    ...may(dice, 0.3, () => ({ normalize_payload_in_metadata: { space_delimited_claims: ['scope', 'a'] } })),
    ...may(dice, 0.2, () => ({ clock_skew_seconds: dice.pick([1, 100, 4_000_000_000]) })),
    ...may(dice, 0.2, () => ({ jwt_cache_config: dice.pick<Config>([{}, { jwt_cache_size: 2 }]) })),
    ...may(dice, 0.5, () => ({ claim_to_headers: dice.list(1, 3, claim) })),
    ...may(dice, 0.2, () => ({ clear_route_cache: true })),
  }
}

function requirement(dice: Dice, names: readonly string[], depth = 0): Config {
  const one = () => dice.pick([...names, ...(dice.chance(0.02) ? ['none'] : [])])
  if (depth < 2 && dice.chance(0.4)) {
    const requirements = dice.list(dice.chance(0.03) ? 1 : 2, 3, () => requirement(dice, names, depth + 1))
    return { [dice.pick(['requires_any', 'requires_all'])]: { requirements } }
  }
  return dice.pick<() => Config>([
    () => ({ provider_name: one() }),
    () => ({ provider_name: one() }),
    () => ({ provider_name: one() }),
    () => ({ provider_and_audiences: { provider_name: one(), audiences: dice.some(['a', 'b', 'https://a/']) } }),
    () => ({ allow_missing: {} }),
    () => ({ allow_missing_or_failed: {} }),
    () => (dice.chance(0.2) ? {} : { provider_name: one() }),
  ])()
}

function config(dice: Dice): Config {
  const names = dice.list(1, 3, (i) => `p${i}`)
  const map = Object.fromEntries(dice.some(['r0', 'r1']).map((name) => [name, requirement(dice, names)]))
  const rule = (match: Config) => ({
    match,
    ...dice.pick<() => Config>([
      () => ({ requires: requirement(dice, names) }),
      () => ({ requires: requirement(dice, names) }),
      () => ({ requires: requirement(dice, names) }),
      () => (map['r0'] === undefined && dice.chance(0.9) ? {} : { requirement_name: 'r0' }),
    ])(),
  })
  return {
    '@type': '~extensions.filters.http.jwt_authn.v3.JwtAuthentication',
    providers: Object.fromEntries(names.map((name, i) => [name, provider(dice, i, names.length === 1)])),
    rules: [
      ...(dice.chance(0.3) ? [rule({ path: '/p' })] : []),
      ...(dice.chance(0.2) ? [rule({ prefix: '/', headers: [{ name: 'x-a', present_match: true }] })] : []),
      rule({ prefix: '/' }),
    ],
    ...may(dice, 0.3, () => ({ bypass_cors_preflight: true })),
    ...may(dice, 0.9, () => ({ requirement_map: map })),
    ...may(dice, 0.2, () => ({ strip_failure_response: true })),
  }
}

function perRoute(dice: Dice): Config {
  return {
    typed_per_filter_config: {
      [NAME]: {
        '@type': '~extensions.filters.http.jwt_authn.v3.PerRouteConfig',
        ...dice.pick<Config>([{ disabled: true }, { requirement_name: 'r0' }, { requirement_name: 'r1' }]),
      },
    },
  }
}

function send(dice: Dice): Step['send'] {
  const one = () => token(dice)
  const query = [
    ...(dice.chance(0.2) ? [`${dice.pick(['tok', 'access_token', 't.k', 't%6fk', 'a'])}=${encodeURI(one())}`] : []),
    ...(dice.chance(0.05) ? [`access_token=${encodeURI(one())}`] : []),
    ...(dice.chance(0.3) ? ['q=1&r='] : []),
  ].join('&')
  const bearer = () =>
    `${dice.chance(0.9) ? 'Bearer ' : dice.pick(['bearer ', 'Bearer  ', 'Basic ', 'Bearer', 'a Bearer ', ''])}${one()}`
  const preflight = dice.chance(0.1)
  return {
    method: preflight ? 'OPTIONS' : dice.pick(['GET', 'POST']),
    path: `${dice.pick(['/', '/p', '/p/x', '/"q"'])}${query === '' ? '' : `?${query}`}`,
    host: dice.pick(['abc', 'ABC:80']),
    headers: {
      ...(dice.chance(0.7) ? { authorization: dice.chance(0.95) ? bearer() : [bearer(), bearer()] } : {}),
      ...(dice.chance(0.25) ? { 'x-tok': `${dice.pick(['', 'Tok=', 'Tok= ', 'B'])}${one()}` } : {}),
      ...(dice.chance(0.15)
        ? { cookie: `c=d; ${dice.pick(['tok', 'Tok', 'other'])}=${dice.pick(['', '"'])}${one()}; e="f` }
        : {}),
      ...(dice.chance(0.2) ? { 'x-a': 'forged', 'x-payload': 'forged' } : {}),
      ...(preflight
        ? { origin: 'http://o', ...(dice.chance(0.8) ? { 'access-control-request-method': 'GET' } : {}) }
        : {}),
    },
  }
}

export function jwtCase(dice: Dice): Omit<Case, 'id' | 'what'> {
  const own = `jwt${dice.int(0, 1e9)}`
  const shown = METADATA.map((key) => `%DYNAMIC_METADATA(${NAME}:${key})%`)
  return {
    log: `%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% route=%ROUTE_NAME% ${shown.join(' ')}`,
    hcm: { stat_prefix: own },
    stats: { [`http.${own}.jwt_authn.`]: {} },
    filters: [{ name: NAME, typed_config: config(dice) }],
    routes: [
      {
        match: { prefix: '/', headers: [{ name: 'x-a', string_match: { exact: 'text' } }] },
        name: 'a',
        route: { cluster: '$up' },
      },
      { match: { prefix: '/p' }, name: 'p', route: { cluster: '$up' }, ...(dice.chance(0.3) ? perRoute(dice) : {}) },
      { match: { prefix: '/' }, name: 'all', route: { cluster: '$up' } },
    ],
    steps: dice.list(1, 5, (): Step => ({ send: send(dice), expect: {} })),
  }
}

/** What an issuer's server says: mostly keys. */
function jwksAnswer(dice: Dice): Answer {
  if (dice.chance(0.7)) return { body: keySet(dice) }
  return dice.pick<Answer>([
    { status: 503, body: 'no' },
    { status: 404, body: keySet(dice) },
    { status: 201, body: keySet(dice) },
    { status: 204 },
    { status: 302, headers: { location: '/other' } },
    { body: '{' },
    { chunks: ['{"keys"', ':[]}'] },
    { raw: 'HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"keys', end: true },
    { stops: 'silent' },
  ])
}

/** Without `async_fetch`: when such a fetch comes is chance. */
function remoteJwks(dice: Dice, cluster: string, late: boolean): Config {
  const backOff = { base_interval: '0.01s', ...may(dice, 0.5, () => ({ max_interval: '0.02s' })) }
  return {
    http_uri: {
      uri: dice.chance(0.97)
        ? dice.pick(['http://keys/jwks', 'https://keys:81/jwks?a=b', 'http://keys'])
        : dice.pick(['http://KEYS/é', 'keys/jwks', 'http://k eys/', 'HTTP://keys/x', 'ftp://keys/']),
      cluster: dice.chance(0.95) ? `$${cluster}` : 'none',
      timeout: late ? '2s' : '20s',
    },
    ...may(dice, 0.3, () => ({ cache_duration: '600s' })),
    ...may(dice, 0.4, () => ({
      retry_policy: { ...may(dice, 0.7, () => ({ num_retries: dice.int(0, 2) })), retry_back_off: backOff },
    })),
  }
}

/** Of several providers Envoy fetches all at once, each as often as it is named, and goes by who is done first. */
function ofOne(dice: Dice): Config {
  return dice.pick<Config>([
    { provider_name: 'p0' },
    { provider_name: 'p0' },
    { provider_and_audiences: { provider_name: 'p0', audiences: ['a', 'b', 'https://a/'] } },
    { requires_any: { requirements: [{ provider_name: 'p0' }, { allow_missing: {} }] } },
    { requires_any: { requirements: [{ provider_name: 'p0' }, { allow_missing_or_failed: {} }] } },
  ])
}

/** As `jwtCase`, with keys that are fetched when a token asks for them. */
export function jwtRemoteCase(dice: Dice): Omit<Case, 'id' | 'what'> {
  const plain = jwtCase(dice)
  const [filter] = plain.filters as { typed_config: { providers: Record<string, Config> } }[]
  const clusters: Record<string, ClusterSettings> = { up: {} }
  for (const [name, made] of Object.entries(filter?.typed_config.providers ?? {})) {
    if (name !== 'p0' && dice.chance(0.6)) continue
    delete made['local_jwks']
    // Else few tokens come as far as to their keys.
    for (const field of dice.some(['audiences', 'subjects', 'max_lifetime', 'require_expiration'], 0.8))
      delete made[field]
    const answers = dice.list(1, 3, () => jwksAnswer(dice))
    const cluster = `keys${name}`
    made['remote_jwks'] = remoteJwks(
      dice,
      cluster,
      answers.some(({ stops }) => stops !== undefined),
    )
    clusters[cluster] = { answers, ...(dice.chance(0.03) ? { down: true } : {}) }
  }
  if (filter !== undefined) {
    const requires = ofOne(dice)
    Object.assign(filter.typed_config, {
      rules: [{ match: { prefix: '/' }, requires }],
      requirement_map: { r0: requires },
    })
  }
  return { ...plain, clusters }
}
