import type { Decorator, Tracing } from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import type { FractionalPercent } from '../../../gen/envoy/type/v3/percent_pb.ts'
import { customTags } from './custom-tag.ts'
import { ALL, type Share } from './sampling.ts'
import type { RouteTracing } from './tracing.ts'

function share(value: FractionalPercent | undefined): Share {
  return value === undefined
    ? ALL
    : { numerator: value.numerator, of: [100, 10_000, 1_000_000][value.denominator] ?? 100 }
}

/** The `decorator` and `tracing` of a route. */
export function routeTracing(
  decorator: Decorator | undefined,
  tracing: Tracing | undefined,
  path: string,
): RouteTracing | undefined {
  if (decorator === undefined && tracing === undefined) return undefined
  return {
    operation: decorator?.operation ?? '',
    propagate: decorator?.propagate ?? true,
    sampling: tracing && {
      client: share(tracing.clientSampling),
      random: share(tracing.randomSampling),
      overall: share(tracing.overallSampling),
    },
    tags: customTags(tracing?.customTags ?? [], `${path}.tracing.custom_tags`),
  }
}
