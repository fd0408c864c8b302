import fc from 'fast-check'
import { routeMatch } from './match.ts'
import { seldomMutations } from './mutations.ts'
import { routeTree } from './route-tree.ts'
import { domain, fields, on, oneField, regex, seldomOdd, simplePath, some } from './words.ts'

const substitution = seldomOdd(
  fc.constantFrom('', '/z', '\\0x', '\\\\', 'é', '/a?b'),
  fc.constantFrom('/\\1', '\\2/\\1', '\\3', '\\'),
)
const rewrite = fc.record({ pattern: regex, substitution })
const newPath = fc.oneof(simplePath, fc.constantFrom('/z', '/z/', '', 'z', '/z?q=1', '/z#f'))

const redirect = fields(
  some({
    host_redirect: fc.constantFrom('c.example', 'c.example:82', '[::2]', ''),
    port_redirect: fc.constantFrom(80, 443, 8443, 0),
    response_code: fc.constantFrom(
      'FOUND',
      'SEE_OTHER',
      'TEMPORARY_REDIRECT',
      'PERMANENT_REDIRECT',
      'MOVED_PERMANENTLY',
    ),
    strip_query: on,
  }),
  fc.oneof(
    fc.constant({}),
    oneField({ https_redirect: on, scheme_redirect: fc.constantFrom('ftp', 'http', 'HTTPS', '') }),
  ),
  fc.oneof(fc.constant({}), oneField({ path_redirect: newPath, prefix_rewrite: newPath, regex_rewrite: rewrite })),
)

const directResponse = fields(
  fc.record({
    status: seldomOdd(fc.constantFrom(200, 201, 204, 299, 302, 304, 404, 503, 599), fc.constantFrom(100, 600, 0)),
  }),
  some({ body: fc.constantFrom({ inline_string: 'direct' }, { inline_string: '' }) }),
)

const internalRedirect = some({
  max_internal_redirects: fc.constantFrom(0, 1, 2),
  redirect_response_codes: seldomOdd<number[]>(fc.constantFrom([302], [301, 303], [307]), fc.constantFrom([304], [])),
  allow_cross_scheme_redirect: on,
  response_headers_to_copy: fc.constantFrom(['x-up'], ['x-reply', 'x-none']),
})

const retry = fields(
  fc.record({
    retry_on: fc.constantFrom(
      '5xx',
      'gateway-error',
      'retriable-4xx',
      'retriable-status-codes',
      'reset',
      '5xx,retriable-4xx',
      '',
    ),
  }),
  some({
    num_retries: fc.constantFrom(0, 1, 2, 3),
    retriable_status_codes: fc.constantFrom([404], [200], [503, 429]),
    retry_back_off: fc.constant({ base_interval: '0.001s', max_interval: '0.002s' }),
  }),
)

const hash = fc.array(
  fields(
    oneField({
      header: fc.constant({ header_name: 'x-a' }),
      cookie: fields(
        fc.record({ name: fc.constantFrom('k', 'stick') }),
        some({ path: fc.constant('/p'), attributes: fc.constant([{ name: 'SameSite', value: 'Lax' }]) }),
      ),
      query_parameter: fc.constant({ name: 'a' }),
    }),
    some({ terminal: on }),
  ),
  { minLength: 1, maxLength: 2 },
)

const weighted = fc
  .tuple(
    fc.constantFrom([100, 0], [0, 100], [0, 1]),
    seldomMutations,
    some({ host_rewrite_literal: fc.constantFrom('w.example') }),
  )
  .map(([weights, changes, more]) => ({
    clusters: weights.map((weight, i) => ({ name: ['up', 'other'][i], weight, ...changes, ...more })),
  }))

const forward = fields(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ cluster: fc.constantFrom('up', 'other') }) },
    { weight: 1, arbitrary: fc.record({ cluster: fc.constant('missing') }) },
    { weight: 1, arbitrary: fc.record({ cluster_header: fc.constantFrom('x-a', 'X-Cluster') }) },
    { weight: 2, arbitrary: fc.record({ weighted_clusters: weighted }) },
  ),
  fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    { weight: 2, arbitrary: oneField({ prefix_rewrite: newPath, regex_rewrite: rewrite }) },
  ),
  fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    {
      weight: 1,
      arbitrary: oneField({
        host_rewrite_literal: fc.constantFrom('r.example', 'R.example:90'),
        auto_host_rewrite: on,
        host_rewrite_header: fc.constantFrom('x-a', 'x-none'),
        host_rewrite_path_regex: rewrite,
      }),
    },
  ),
  fc.record({ timeout: fc.constant('0s') }),
  some({
    append_x_forwarded_host: on,
    cluster_not_found_response_code: fc.constantFrom('NOT_FOUND', 'INTERNAL_SERVER_ERROR'),
  }),
  fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    {
      weight: 1,
      arbitrary: some({ retry_policy: retry, internal_redirect_policy: internalRedirect, hash_policy: hash }),
    },
  ),
)

const route = fields(
  fc.record({ match: routeMatch }),
  some({ name: fc.constantFrom('one', 'two') }),
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ route: forward }) },
    { weight: 2, arbitrary: fc.record({ redirect }) },
    { weight: 2, arbitrary: fc.record({ direct_response: directResponse }) },
  ),
  seldomMutations,
)

const virtualHost = (domains: readonly string[], at: number) =>
  fields(
    fc.record({
      name: fc.constant(`host${at}`),
      domains: fc.constant(domains),
    }),
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ routes: fc.array(route, { minLength: 1, maxLength: 4 }) }) },
      { weight: 1, arbitrary: fc.record({ matcher: routeTree(route) }) },
    ),
    seldomMutations,
    some({ include_request_attempt_count: on, include_attempt_count_in_response: on }),
    fc.oneof(
      { weight: 9, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: some({ require_tls: fc.constantFrom('ALL', 'EXTERNAL_ONLY'), retry_policy: retry }) },
    ),
  )

/** Two or three virtual hosts that share the domains out; nearly always one of them takes any domain. */
const virtualHosts = fc
  .tuple(
    fc.uniqueArray(domain, { minLength: 1, maxLength: 5 }),
    fc.oneof({ weight: 3, arbitrary: fc.constant(['*']) }, { weight: 1, arbitrary: fc.constant([]) }),
  )
  .chain(([domains, any]) => {
    const all = [...new Set([...any, ...domains])]
    const parts = [all.filter((_, i) => i % 2 === 0), all.filter((_, i) => i % 2 === 1)].filter(
      (part) => part.length > 0,
    )
    return fc.tuple(...parts.map((part, i) => virtualHost(part, i)))
  })

export const routeConfig = fields(
  fc.record({ virtual_hosts: virtualHosts }),
  seldomMutations,
  some({
    most_specific_header_mutations_wins: on,
    ignore_port_in_host_matching: on,
    internal_only_headers: fc.constantFrom(['x-b'], ['X-C']),
  }),
  // Routes name a cluster that is not there. Without the field Envoy looks for those of inline routes, which here may come later.
  seldomOdd(fc.constant({ validate_clusters: false }), fc.record({ validate_clusters: on })),
)
