import type { EndpointHost } from './endpoint-host.ts'
import type { Hash64 } from './hash64.ts'

/** Picks a host out of a set that is rebuilt whenever membership or health changes. */
export interface LoadBalancer {
  /** `hash` is for the hashing ones. */
  choose(hash: Hash64 | undefined): EndpointHost | undefined
}

export interface LoadBalancerFactory {
  /** `weights`: by host, where they are not the hosts' own. */
  (hosts: readonly EndpointHost[], weights?: readonly number[]): LoadBalancer
  /** All hosts of a priority stand in one table, with their localities' weights: a choice among localities would move keys. */
  readonly consistent?: boolean
}

export function roundRobin(hosts: readonly EndpointHost[]): LoadBalancer {
  if (hosts.length < 2 || hosts.every((host) => host.weight === hosts[0].weight)) return new PlainRoundRobin(hosts)
  return new SmoothRoundRobin(hosts, () => 1)
}

export function random(hosts: readonly EndpointHost[]): LoadBalancer {
  if (hosts.every((host) => host.weight === hosts[0].weight)) {
    return { choose: () => hosts[Math.floor(Math.random() * hosts.length)] }
  }
  let total = 0
  const bounds = hosts.map((host) => {
    total += host.weight
    return total
  })
  return {
    choose() {
      const at = Math.random() * total
      return hosts[bounds.findIndex((bound) => at < bound)] ?? hosts[hosts.length - 1]
    },
  }
}

/** Power of two (or more) choices; with weights, a round robin whose weights shrink with the active requests. */
export function leastRequest(choices: number): LoadBalancerFactory {
  return (hosts) => {
    if (!hosts.every((host) => host.weight === hosts[0].weight)) {
      return new SmoothRoundRobin(hosts, (host) => 1 / (host.active + 1))
    }
    return {
      choose() {
        let best: EndpointHost | undefined
        for (let i = 0; i < choices; i++) {
          const host = hosts[Math.floor(Math.random() * hosts.length)]
          if (best === undefined || host.active < best.active) best = host
        }
        return best
      },
    }
  }
}

class PlainRoundRobin implements LoadBalancer {
  readonly #hosts: readonly EndpointHost[]
  /** Workers must not march in step. */
  #next = Math.floor(Math.random() * 1024)

  constructor(hosts: readonly EndpointHost[]) {
    this.#hosts = hosts
  }

  choose(): EndpointHost | undefined {
    const hosts = this.#hosts
    if (hosts.length === 0) return undefined
    if (++this.#next >= hosts.length) this.#next %= hosts.length
    return hosts[this.#next]
  }
}

/** nginx's smooth weighted round robin: a host with weight n of N comes n times in N, spread out. */
class SmoothRoundRobin implements LoadBalancer {
  readonly #hosts: readonly EndpointHost[]
  readonly #factor: (host: EndpointHost) => number

  constructor(hosts: readonly EndpointHost[], factor: (host: EndpointHost) => number) {
    this.#hosts = hosts
    this.#factor = factor
    for (const host of hosts) host.current = 0
  }

  choose(): EndpointHost | undefined {
    let total = 0
    let best: EndpointHost | undefined
    for (const host of this.#hosts) {
      const weight = host.weight * this.#factor(host)
      total += weight
      host.current += weight
      if (best === undefined || host.current > best.current) best = host
    }
    if (best !== undefined) best.current -= total
    return best
  }
}
