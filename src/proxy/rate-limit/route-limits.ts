import type { StreamInfo } from '../http/stream-info.ts'
import type { Descriptor } from './descriptor.ts'
import type { RateLimits, Wanted } from './policy.ts'

/** What a filter makes of the limits of virtual hosts; the numbers are those of Envoy's `VhRateLimitsOptions`. */
export const VirtualHostLimits = { OVERRIDE: 0, INCLUDE: 1, IGNORE: 2 } as const

/** `rate_limits` of a route and of its virtual host. */
export class RouteRateLimits {
  readonly #own: RateLimits
  readonly #virtualHost: RateLimits
  readonly #include: boolean

  constructor(own: RateLimits, virtualHost: RateLimits, include: boolean) {
    this.#own = own
    this.#virtualHost = virtualHost
    this.#include = include
  }

  /** Some may have to be told when a request is over. */
  get late(): boolean {
    return this.#own.late || this.#virtualHost.late
  }

  /** Adds what a request is counted by; the route's own `include_vh_rate_limits` goes before the filter's `option`. */
  collect(option: number, wanted: Wanted, info: StreamInfo, cluster: string, into: Descriptor[]): void {
    this.#own.collect(wanted, info, cluster, into)
    const include = option === VirtualHostLimits.INCLUDE || (option === VirtualHostLimits.OVERRIDE && this.#own.empty)
    if (this.#include || include) this.#virtualHost.collect(wanted, info, cluster, into)
  }
}
