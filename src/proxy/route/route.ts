import type { RouteRateLimits } from '../rate-limit/route-limits.ts'

/** A matched route, as streams and filters see it. */
export interface Route {
  readonly name: string
  /** Not answered here. */
  readonly forwards: boolean
  /** Of the route and its virtual host; undefined where there are none. */
  readonly rateLimits: RouteRateLimits | undefined
  readonly virtualHostName: string
  readonly routeConfigName: string
  /** `filter_metadata` by namespace, as JSON. */
  readonly metadata: Readonly<Record<string, unknown>>
  readonly virtualHostMetadata: Readonly<Record<string, unknown>>
  /** The most specific compiled `typed_per_filter_config` of that filter. */
  filterConfig(filterName: string): unknown
  /** All of them, the most specific first, for filters that merge them. */
  filterConfigs(filterName: string): readonly unknown[]
  /** `FilterConfig.disabled` for that filter on this route. */
  filterDisabled(filterName: string): boolean | undefined
}
