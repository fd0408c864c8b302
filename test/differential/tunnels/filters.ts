/** Filters in the way of tunnels. */
import type { Dice } from '../filters/dice.ts'
import type { Json } from './trial.ts'

export function filters(dice: Dice): Json[] {
  return dice.list(1, 2, () => dice.pick(MADE)(dice))
}

/** The last of any. */
export const ROUTER: Json = {
  name: 'envoy.filters.http.router',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
}

function filter(type: string, fields: Json): Json {
  return {
    name: type,
    typed_config: { '@type': `type.googleapis.com/envoy.extensions.filters.http.${type}`, ...fields },
  }
}

const MADE: readonly ((dice: Dice) => Json)[] = [
  (dice) => filter('buffer.v3.Buffer', { max_request_bytes: dice.pick([1, 5, 100, 100_000]) }),
  () =>
    filter('compressor.v3.Compressor', {
      compressor_library: {
        name: 'gzip',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip' },
      },
    }),
  (dice) => filter('lua.v3.Lua', { default_source_code: { inline_string: dice.pick(SCRIPTS) } }),
  (dice) =>
    filter('rbac.v3.RBAC', {
      rules: {
        action: dice.pick(['ALLOW', 'DENY']),
        policies: {
          p: {
            permissions: [
              dice.pick<Json>([
                { header: { name: ':method', string_match: { exact: 'CONNECT' } } },
                { header: { name: 'upgrade', present_match: true } },
                { header: { name: 'x-who', string_match: { exact: 'friend' } } },
                { url_path: { path: { prefix: '/' } } },
              ]),
            ],
            principals: [{ any: true }],
          },
        },
      },
    }),
  (dice) =>
    filter('fault.v3.HTTPFault', {
      ...(dice.chance(0.5) ? { delay: { fixed_delay: '0.1s', percentage: { numerator: 100 } } } : {}),
      ...(dice.chance(0.4) ? { abort: { http_status: 418, percentage: { numerator: 100 } } } : {}),
      headers: [{ name: 'x-who', present_match: true }],
    }),
  (dice) =>
    filter('header_mutation.v3.HeaderMutation', {
      mutations: {
        request_mutations: [dice.pick<Json>([SET, { remove: 'x-who' }])],
        response_mutations: [SET],
      },
    }),
]

const SET = { append: { header: { key: 'x-set', value: '1' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' } }

const SCRIPTS = [
  'function envoy_on_request(h) h:headers():add("x-lua", h:headers():get(":method")) end',
  'function envoy_on_request(h) h:headers():add("x-lua", h:headers():get(":protocol") or "none") end',
  'function envoy_on_response(h) h:headers():add("x-lua", h:headers():get(":status")) end',
  'function envoy_on_response(h) h:headers():add("x-lua", h:headers():get("upgrade") or "none") end',
  'function envoy_on_request(h) if h:headers():get("x-who") == "foe" then h:respond({[":status"] = "418"}, "no") end end',
  'function envoy_on_request(h) local n = 0 for chunk in h:bodyChunks() do n = n + chunk:length() end end',
  'function envoy_on_response(h) for chunk in h:bodyChunks() do if chunk:length() > 1000000 then h:logInfo("x") end end end',
  'function envoy_on_request(h) local b = h:body() h:headers():add("x-lua", tostring(b ~= nil)) end',
]
