/** `matcher` of virtual hosts: trees over headers of requests, whose actions are routes or lists of them. */
import fc from 'fast-check'
import { headerName, headerValue, host, oneField, seldomOdd, simplePath, some, someValue } from './words.ts'

const TYPE = 'type.googleapis.com'

type Json = Record<string, unknown>

const config = (type: string, fields: object) => ({
  name: 'any',
  typed_config: { '@type': `${TYPE}/${type}`, ...fields },
})

const input = seldomOdd(
  fc.oneof(
    {
      weight: 9,
      arbitrary: fc
        .oneof(headerName, fc.constantFrom(':path', ':authority', 'host', ':method', 'x-forwarded-proto'))
        .map((name) => config('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', { header_name: name })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        config('envoy.extensions.matching.common_inputs.network.v3.FilterStateInput', { key: 'none' }),
        config('envoy.extensions.matching.common_inputs.environment_variable.v3.Config', { name: 'SLUICE_NOT_SET' }),
      ),
    },
  ),
  fc.constantFrom(
    config('envoy.extensions.matching.common_inputs.network.v3.SourceIPInput', {}),
    config('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', {}),
  ),
)

/** Of any of the inputs. */
const value = fc.oneof(headerValue, simplePath, host, fc.constantFrom('GET', 'POST', '/', 'http', '127.0.0.1'))
const range = fc.constantFrom(
  { address_prefix: '127.0.0.0', prefix_len: 8 },
  { address_prefix: '0.0.0.0', prefix_len: 0 },
  { address_prefix: '127.0.0.1', prefix_len: 32 },
)
const text = fc.oneof(
  fc
    .tuple(
      oneField({ exact: value, prefix: someValue, suffix: someValue, contains: someValue }),
      some({ ignore_case: fc.boolean() }),
    )
    .map(([one, more]) => ({ ...one, ...more })),
  fc.constantFrom('/a.*', '.*', '[ab]+', '(?i)get').map((regex) => ({ safe_regex: { google_re2: {}, regex } })),
)

const several = <T>(one: fc.Arbitrary<T>, minLength = 1) => fc.array(one, { minLength, maxLength: 2 })

/** A tree that leads to any of these routes. */
export function routeTree(route: fc.Arbitrary<Json>): fc.Arbitrary<Json> {
  const action = fc
    .oneof(
      route.map((one) => config('envoy.config.route.v3.Route', one)),
      fc.array(route, { maxLength: 2 }).map((routes) => config('envoy.config.route.v3.RouteList', { routes })),
    )
    .map((one): Json => ({ action: one }))
  return fc.letrec<{ tree: Json; onMatch: Json; predicate: Json }>((tie) => {
    const single = fc.record({ input, value_match: text }).map((one) => ({ single_predicate: one }))
    const ip = fc
      .array(range, { minLength: 1, maxLength: 2 })
      .map((ranges) =>
        config('envoy.extensions.matching.input_matchers.ip.v3.Ip', { cidr_ranges: ranges, stat_prefix: 'ip' }),
      )
    const list = fc
      .array(fc.record({ predicate: tie('predicate'), on_match: tie('onMatch') }), { minLength: 1, maxLength: 2 })
      .map((matchers) => ({ matcher_list: { matchers } }))
    const map = fc.dictionary(value, tie('onMatch'), { minKeys: 1, maxKeys: 2 }).map((made) => ({ map: made }))
    const domains = several(
      fc.record({
        domains: fc.constantFrom(['a.example'], ['*.example'], ['*'], ['*.b.example', 'a']),
        on_match: tie('onMatch'),
      }),
    )
    const ranges = several(
      fc.record({ ranges: range.map((one) => [one]), exclusive: fc.boolean(), on_match: tie('onMatch') }),
    )
    const branches = fc.oneof(
      map.map((exact_match_map) => ({ exact_match_map })),
      map.map((prefix_match_map) => ({ prefix_match_map })),
      domains.map((all) => ({
        custom_match: config('xds.type.matcher.v3.ServerNameMatcher', { domain_matchers: all }),
      })),
      ranges.map((all) => ({ custom_match: config('xds.type.matcher.v3.IPMatcher', { range_matchers: all }) })),
    )
    const none = fc.option(tie('onMatch'), { nil: undefined, freq: 3 })
    return {
      predicate: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        { weight: 4, arbitrary: single },
        { weight: 1, arbitrary: fc.record({ input, custom_match: ip }).map((one) => ({ single_predicate: one })) },
        { weight: 1, arbitrary: several(tie('predicate'), 2).map((predicate) => ({ or_matcher: { predicate } })) },
        { weight: 1, arbitrary: several(tie('predicate'), 2).map((predicate) => ({ and_matcher: { predicate } })) },
        { weight: 1, arbitrary: tie('predicate').map((one) => ({ not_matcher: one })) },
      ),
      onMatch: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        { weight: 4, arbitrary: action },
        { weight: 1, arbitrary: tie('tree').map((matcher) => ({ matcher })) },
      ),
      tree: fc
        .tuple(
          fc.oneof(
            { weight: 3, arbitrary: list },
            {
              weight: 3,
              arbitrary: fc.tuple(input, branches).map(([one, all]) => ({ matcher_tree: { input: one, ...all } })),
            },
            { weight: 1, arbitrary: fc.constant({}) },
          ),
          none,
        )
        .map(([type, on]) => ({ ...type, ...(on === undefined ? {} : { on_no_match: on }) })),
    }
  }).tree
}
