/** `matcher` of a virtual host: xDS's generic matching, whose actions are routes, or lists of them. */

import {
  type RouteList,
  RouteListSchema,
  type Route as RouteProto,
  RouteSchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import {
  type Config as EnvironmentVariable,
  ConfigSchema as EnvironmentVariableSchema,
} from '../../../gen/envoy/extensions/matching/common_inputs/environment_variable/v3/input_pb.ts'
import {
  type FilterStateInput,
  FilterStateInputSchema,
} from '../../../gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb.ts'
import {
  type HttpRequestHeaderMatchInput,
  HttpRequestHeaderMatchInputSchema,
} from '../../../gen/envoy/type/matcher/v3/http_inputs_pb.ts'
import type { Matcher } from '../../../gen/xds/type/matcher/v3/matcher_pb.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { unsupported } from '../config/fields.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import { environmentInput, filterStateInput, headerInput } from '../match/common-inputs.ts'
import { type MatchInput, type MatchTree, matchTree } from '../match/tree.ts'
import type { CompiledRoute } from './compile-route.ts'

/** What a tree of routes looks at. */
interface Request {
  readonly headers: HeaderMap
  readonly info: StreamInfo | undefined
}

/** The routes among which that of a request is; none: the tree has no action for it. */
export type RouteTree = MatchTree<Request, readonly CompiledRoute[]>

/** `compile` is called for each route of the tree with where it stands. */
export function routeTree(
  matcher: Matcher,
  path: string,
  compile: (route: RouteProto, path: string) => CompiledRoute,
): RouteTree {
  return matchTree<Request, readonly CompiledRoute[]>(matcher, path, {
    input,
    action(typeName, message, where) {
      if (typeName === RouteSchema.typeName) return [compile(message as RouteProto, where)]
      if (typeName !== RouteListSchema.typeName) throw unsupported(where, `action ${typeName}`)
      return (message as RouteList).routes.map((route, i) => compile(route, `${where}.routes[${i}]`))
    },
  })
}

/** Envoy has no others here. */
function input(typeName: string, message: unknown, path: string): MatchInput<Request> {
  switch (typeName) {
    case HttpRequestHeaderMatchInputSchema.typeName: {
      const read = headerInput(message as HttpRequestHeaderMatchInput)
      return ({ headers }) => read(headers)
    }
    case FilterStateInputSchema.typeName: {
      const read = filterStateInput(message as FilterStateInput, path)
      return ({ info }) => read(info?.filterState)
    }
    case EnvironmentVariableSchema.typeName:
      return environmentInput(message as EnvironmentVariable, path)
    default:
      throw unsupported(path, `input ${typeName}`)
  }
}
