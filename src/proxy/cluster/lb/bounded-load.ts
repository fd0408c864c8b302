import type { EndpointHost } from '../endpoint-host.ts'
import type { Hash64 } from '../hash64.ts'
import type { LoadBalancer } from './load-balancer.ts'

/**
 * Consistent hashing with bounded loads (arXiv 1608.01350, Envoy's `hash_balance_factor`): a host takes no more than `factor`
 * percent of its fair share of the active requests. A key whose host is full tries the others in an order of its own.
 */
export class BoundedLoad implements LoadBalancer {
  readonly #inner: LoadBalancer
  readonly #hosts: readonly EndpointHost[]
  /** They sum up to 1. */
  readonly #weights: readonly number[]
  readonly #factor: number
  readonly #order: Uint32Array

  constructor(inner: LoadBalancer, hosts: readonly EndpointHost[], weights: readonly number[], factor: number) {
    this.#inner = inner
    this.#hosts = hosts
    this.#weights = weights
    this.#factor = factor
    this.#order = new Uint32Array(hosts.length)
  }

  get gauges(): LoadBalancer['gauges'] {
    return this.#inner.gauges
  }

  choose(hash: Hash64 | undefined): EndpointHost | undefined {
    const first = this.#inner.choose(hash)
    if (first === undefined) return undefined
    const hosts = this.#hosts
    let active = 0
    for (let i = 0; i < hosts.length; i++) active += hosts[i].active
    const slots = Math.ceil(((active + 1) * this.#factor) / 100)
    let least = this.#overload(hosts.indexOf(first), slots)
    if (least <= 1 || hash === undefined) return first
    let best = first
    const order = this.#order
    for (let i = 0; i < order.length; i++) order[i] = i
    // Always the same shuffle for a key, so that its overflow goes to few hosts, too.
    let seed = (hash.hi ^ hash.lo) | 1
    for (let i = 0; i < order.length; i++) {
      seed ^= seed << 13
      seed ^= seed >>> 17
      seed ^= seed << 5
      const j = i + ((seed >>> 0) % (order.length - i))
      const k = order[j]
      order[j] = order[i]
      const overload = this.#overload(k, slots)
      if (overload <= 1) return hosts[k]
      if (overload < least) {
        least = overload
        best = hosts[k]
      }
    }
    return best
  }

  #overload(index: number, slots: number): number {
    return this.#hosts[index].active / Math.max(1, Math.ceil(slots * this.#weights[index]))
  }
}
