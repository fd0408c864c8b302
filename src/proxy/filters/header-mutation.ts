import type { HeaderMutation } from '../../../gen/envoy/config/common/mutation_rules/v3/mutation_rules_pb.ts'
import {
  HeaderMutationPerRouteSchema,
  HeaderMutationSchema,
  type Mutations,
  MutationsSchema,
} from '../../../gen/envoy/extensions/filters/http/header_mutation/v3/header_mutation_pb.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { invalid, onlyFields } from '../config/fields.ts'
import {
  FilterHeadersStatus,
  type HttpFilter,
  type HttpFilterCallbacks,
  type HttpFilterFactory,
} from '../http/filter.ts'
import { HeaderMutations } from '../http/header-mutations.ts'
import { QueryMutations } from '../http/query-mutations.ts'
import type { StreamInfo } from '../http/stream-info.ts'

interface Compiled {
  readonly query: QueryMutations | undefined
  readonly request: readonly HeaderMutations[]
  readonly response: readonly HeaderMutations[]
}

/**
 * `envoy.filters.http.header_mutation`: the filter's mutations, then those of the route, its virtual host and the route configuration; the
 * other way round where the most specific ones shall win.
 */
export const headerMutation: HttpFilterFactory<typeof HeaderMutationSchema, typeof HeaderMutationPerRouteSchema> = {
  name: 'envoy.filters.http.header_mutation',
  configType: HeaderMutationSchema,
  routeConfigType: HeaderMutationPerRouteSchema,
  create(config) {
    onlyFields(HeaderMutationSchema, config, ['mutations', 'most_specific_header_mutations_wins'], 'header_mutation')
    const own = { ...compile(config.mutations), mostSpecificLast: config.mostSpecificHeaderMutationsWins }
    return { createFilter: (callbacks) => new HeaderMutationFilter(callbacks, own) }
  },
  createRouteConfig: (config) => compile(config.mutations),
}

function compile(mutations: Mutations | undefined): Compiled {
  if (mutations === undefined) return { query: undefined, request: [], response: [] }
  const fields = ['request_mutations', 'response_mutations', 'query_parameter_mutations']
  onlyFields(MutationsSchema, mutations, fields, 'header_mutation.mutations')
  return {
    query: QueryMutations.compile(
      mutations.queryParameterMutations,
      'header_mutation.mutations.query_parameter_mutations',
    ),
    request: each(mutations.requestMutations, 'header_mutation.mutations.request_mutations'),
    response: each(mutations.responseMutations, 'header_mutation.mutations.response_mutations'),
  }
}

interface Own extends Compiled {
  readonly mostSpecificLast: boolean
}

/** One by one: their order is theirs, where lists of additions and removals are applied removals first. */
function each(list: readonly HeaderMutation[], path: string): HeaderMutations[] {
  return list.map(({ action }, i) => {
    if (action.case === 'append') return HeaderMutations.appending(action.value, `${path}[${i}].append`)
    if (action.case === 'remove') return HeaderMutations.removing(action.value, `${path}[${i}].remove`)
    throw invalid(`${path}[${i}]`, 'an action is missing')
  })
}

class HeaderMutationFilter implements HttpFilter {
  readonly #callbacks: HttpFilterCallbacks
  readonly #own: Own

  constructor(callbacks: HttpFilterCallbacks, own: Own) {
    this.#callbacks = callbacks
    this.#own = own
  }

  decodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const info = this.#callbacks.streamInfo
    // The most specific one is the first. Before all else, as the route does not depend on what is done here.
    const levels = this.#callbacks.routeConfigs<Compiled>()
    applyRequest(this.#own, headers, info)
    if (this.#own.mostSpecificLast) for (let i = levels.length - 1; i >= 0; i--) applyRequest(levels[i], headers, info)
    else for (let i = 0; i < levels.length; i++) applyRequest(levels[i], headers, info)
    return FilterHeadersStatus.Continue
  }

  encodeHeaders(headers: HeaderMap): FilterHeadersStatus {
    const info = this.#callbacks.streamInfo
    apply(this.#own.response, headers, info)
    const levels = this.#callbacks.routeConfigs<Compiled>()
    if (this.#own.mostSpecificLast)
      for (let i = levels.length - 1; i >= 0; i--) apply(levels[i].response, headers, info)
    else for (let i = 0; i < levels.length; i++) apply(levels[i].response, headers, info)
    return FilterHeadersStatus.Continue
  }
}

function applyRequest({ request, query }: Compiled, headers: HeaderMap, info: StreamInfo): void {
  apply(request, headers, info)
  if (query !== undefined) headers.set(':path', query.apply(headers.get(':path') ?? '', info))
}

function apply(list: readonly HeaderMutations[], headers: HeaderMap, info: StreamInfo): void {
  for (const mutations of list) mutations.apply(headers, info)
}
