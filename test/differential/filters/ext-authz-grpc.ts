/** Services that are asked by gRPC, what they are told of requests, and what of their answers reaches upstream and client. */
import type { Case } from '../../parity/case.ts'
import type { Decision } from '../../parity/decision-service.ts'
import type { Dice } from './dice.ts'
import { type Config, extAuthzScene, filterFields, METADATA, NAMES } from './ext-authz.ts'

/** What stands elsewhere in a message, or not in this one. */
const ODD_NAMES = [':path', ':method', ':authority', 'host', ':x', 'X-Up']
const ODD_VALUES = ['é', ' padded ']
/** What is no header. Where it does not validate, Envoy sends it or answers 503, and here it is left out. */
const BROKEN_NAMES = ['a b', 'xé', 'a"b']
const BROKEN_VALUES = ['a\nb', 'a\u0001b', '\u007f']
const ACTIONS = ['APPEND_IF_EXISTS_OR_ADD', 'ADD_IF_ABSENT', 'OVERWRITE_IF_EXISTS_OR_ADD', 'OVERWRITE_IF_EXISTS']

function header(dice: Dice, validates: boolean): Config {
  const odd = <T>(usual: readonly T[], some: readonly T[], broken: readonly T[]): T =>
    dice.pick(dice.chance(0.95) ? usual : [...some, ...(validates ? broken : [])])
  const key = odd([...NAMES, 'X-A'], ODD_NAMES, BROKEN_NAMES)
  const value = odd(['1', 'two words', '', 'a,b', 'A'], ODD_VALUES, BROKEN_VALUES)
  return {
    header: { key, value: key === ':path' ? '/other' : key.startsWith(':') || key === 'host' ? 'OTHER' : value },
    ...(dice.chance(0.4) ? { append: dice.chance(0.5) } : {}),
    ...(dice.chance(0.4) ? { append_action: dice.pick(ACTIONS) } : {}),
    ...(dice.chance(0.1) ? { keep_empty_value: true } : {}),
  }
}

function parameter(dice: Dice, broken: boolean): Config {
  return {
    key: dice.pick(['q', 'r', 'new', 'q', ...(broken ? ['', 'a b', 'a&b', '%71', 'é'] : [])]),
    value: dice.pick(['1', '', 'a', 'a*b', ...(broken ? ['%20', 'a b', 'a&b', 'é', '%', '#'] : [])]),
  }
}

function metadata(dice: Dice): Config {
  return Object.fromEntries(dice.some(NAMES, 0.3).map((name) => [name, dice.pick<unknown>(['m', 5, { a: [true] }])]))
}

function ok(dice: Dice, validates: boolean): Config {
  if (validates && dice.chance(0.1)) return { query_parameters_to_set: [parameter(dice, true)] }
  const may = (chance: number, fields: () => Config) => (dice.chance(chance) ? fields() : {})
  return {
    ...may(0.6, () => ({ headers: dice.list(1, 4, () => header(dice, validates)) })),
    ...may(0.3, () => ({
      headers_to_remove: dice.list(1, 2, () => dice.pick([...NAMES, 'X-Two', ...(dice.chance(0.1) ? ODD_NAMES : [])])),
    })),
    // Of an answer that is refused for one of several parts, Envoy sends the client those that it has looked at.
    ...dice.pick<Config>([
      {},
      { response_headers_to_add: dice.list(1, 3, () => header(dice, false)) },
      { response_headers_to_add: [header(dice, validates)] },
    ]),
    ...may(0.2, () => ({ query_parameters_to_set: dice.list(1, 2, () => parameter(dice, !validates)) })),
    ...may(0.2, () => ({ query_parameters_to_remove: dice.list(1, 2, () => dice.pick(['q', 'r', 'none', ''])) })),
    ...may(0.1, () => ({ dynamic_metadata: metadata(dice) })),
  }
}

function denied(dice: Dice, validates: boolean): Config {
  const may = (chance: number, fields: () => Config) => (dice.chance(chance) ? fields() : {})
  return {
    ...may(0.7, () => ({
      status: {
        code: dice.pick([401, 403, 404, 429, 503, 302, 200, ...(dice.chance(0.1) ? [0, 204, 299, 599, 600] : [])]),
      },
    })),
    ...may(0.6, () => ({ headers: dice.list(1, 4, () => header(dice, validates)) })),
    ...may(0.6, () => ({ body: dice.pick(['no', '', 'é']) })),
  }
}

function decision(dice: Dice, validates: boolean): Decision {
  if (dice.chance(0.06)) return dice.pick(['fail', 'fail', 'hang', 'garbage'])
  const allowed = dice.chance(0.6)
  const may = (chance: number, fields: () => Config) => (dice.chance(chance) ? fields() : {})
  // Some say one thing and mean another.
  const answer = () =>
    dice.pick<() => Config>([
      () => (allowed ? { ok_response: ok(dice, validates) } : { denied_response: denied(dice, validates) }),
      () => (allowed ? { ok_response: ok(dice, validates) } : { denied_response: denied(dice, validates) }),
      () => (allowed ? { ok_response: ok(dice, validates) } : { error_response: denied(dice, validates) }),
      () =>
        dice.chance(0.8)
          ? {}
          : allowed
            ? { denied_response: denied(dice, validates) }
            : { ok_response: ok(dice, validates) },
    ])()
  return {
    ...may(0.95, () => ({ status: { code: allowed ? 0 : dice.pick([7, 16, 13, 1, 99]) } })),
    ...answer(),
    ...may(0.3, () => ({ dynamic_metadata: metadata(dice) })),
  } as Decision
}

/** As late an answer as there may be on a busy machine is none too late, where no other is awaited. */
function grpcService(dice: Dice, checks: readonly Decision[]): Config {
  const may = (chance: number, fields: () => Config) => (dice.chance(chance) ? fields() : {})
  const value = () => dice.pick(['v', '', '%REQ(x-a)%', '%PROTOCOL%'])
  return {
    envoy_grpc: {
      cluster_name: dice.chance(0.98) ? '$authz' : 'none',
      ...may(0.2, () => ({ authority: dice.pick(['auth.example', 'A:80']) })),
    },
    timeout: checks.includes('hang') ? '2s' : dice.pick(['9s', '10s']),
    ...may(0.2, () => ({
      initial_metadata: dice.list(1, 2, () => ({ key: dice.pick(['x-m', 'X-N']), value: value() })),
    })),
  }
}

/** Leaves metadata that may be told. */
const MARKER = {
  name: 'marker',
  typed_config: {
    '@type': '~extensions.filters.http.lua.v3.Lua',
    default_source_code: {
      inline_string:
        'function envoy_on_request(h) h:streamInfo():dynamicMetadata():set("of.request", "k", { a = 1, b = "x" }) end',
    },
  },
}

export function extAuthzGrpcCase(dice: Dice): Omit<Case, 'id' | 'what'> {
  const may = (chance: number, fields: () => Config) => (dice.chance(chance) ? fields() : {})
  const own = `authzgrpc${dice.int(0, 1e9)}`
  const namespaces = () => dice.some(['of.request', 'of.route', 'none', 'constructor'], 0.4)
  const validates = dice.chance(0.3)
  const checks = dice.list(1, 4, () => decision(dice, validates))
  const config = {
    ...filterFields(dice),
    transport_api_version: 'V3',
    grpc_service: grpcService(dice, checks),
    validate_mutations: validates,
    ...may(0.3, () => ({ encode_raw_headers: true })),
    ...may(0.2, () => ({ include_peer_certificate: true })),
    ...may(0.2, () => ({ include_tls_session: true })),
    ...may(0.3, () => ({ metadata_context_namespaces: namespaces() })),
    ...may(0.3, () => ({ route_metadata_context_namespaces: namespaces() })),
  }
  const scene = extAuthzScene(dice, own, config, { checks })
  const routes = scene.routes?.map((route) => ({
    ...(route as Config),
    ...may(0.3, () => ({ metadata: { filter_metadata: { 'of.route': { r: [true, 1] } } } })),
  }))
  return {
    ...scene,
    routes,
    log: `${scene.log} duration=%DYNAMIC_METADATA(${METADATA}:ext_authz_duration)%`,
    filters: [...(dice.chance(0.3) ? [MARKER] : []), ...(scene.filters ?? [])],
  }
}
