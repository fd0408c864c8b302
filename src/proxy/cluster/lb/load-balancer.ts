import { performance } from 'node:perf_hooks'
import type { EndpointHost } from '../endpoint-host.ts'
import type { Hash64 } from '../hash64.ts'

/** Picks a host out of a set that is rebuilt whenever membership or health changes. */
export interface LoadBalancer {
  /** `hash` is for the hashing ones. */
  choose(hash: Hash64 | undefined): EndpointHost | undefined
  /** How a table is divided among its hosts, by Envoy's names behind `cluster.<name>.` */
  readonly gauges?: Readonly<Record<string, number>> | undefined
}

/** Makes what picks, for each set of hosts anew. */
export interface LoadBalancerFactory {
  /** `weights`: each host's part of the whole, where it is not told by the hosts' own weights. */
  (hosts: readonly EndpointHost[], weights?: readonly number[]): LoadBalancer
  /** All hosts of a priority stand in one table, with their localities' weights: a choice among localities would move keys. */
  readonly consistent?: boolean
}

/** New hosts get their share bit by bit. */
export interface SlowStart {
  readonly windowMs: number
  /** 1: with the time; more: faster at the beginning. */
  readonly aggression: number
  /** Of its weight, from the beginning on. */
  readonly minWeight: number
}

/** Takes turns. */
export function roundRobin(slowStart?: SlowStart): LoadBalancerFactory {
  return (hosts) => {
    const plain = equalWeights(hosts) ? new PlainRoundRobin(hosts) : new SmoothRoundRobin(hosts, 0)
    return slowStart === undefined ? plain : slowly(hosts, plain, slowStart, 0)
  }
}

/** Picks by chance, as often as the weights say. */
export function random(hosts: readonly EndpointHost[]): LoadBalancer {
  if (equalWeights(hosts)) return { choose: () => hosts[Math.floor(Math.random() * hosts.length)] }
  let total = 0
  const bounds = hosts.map((host) => {
    total += host.weight
    return total
  })
  return {
    choose() {
      const at = Math.random() * total
      let i = 0
      while (i < bounds.length - 1 && at >= bounds[i]) i++
      return hosts[i]
    },
  }
}

/** The best of `choices` taken by chance (infinity: of all); with weights, a round robin whose weights shrink with the active requests, to the power of `bias`. */
export function leastRequest(choices: number, bias = 1, slowStart?: SlowStart): LoadBalancerFactory {
  return (hosts) => {
    const plain = equalWeights(hosts) ? least(hosts, choices) : new SmoothRoundRobin(hosts, bias)
    return slowStart === undefined ? plain : slowly(hosts, plain, slowStart, bias)
  }
}

function least(hosts: readonly EndpointHost[], choices: number): LoadBalancer {
  return choices === Number.POSITIVE_INFINITY ? new LeastOfAll(hosts) : new LeastOfSome(hosts, choices)
}

function equalWeights(hosts: readonly EndpointHost[]): boolean {
  return hosts.every((host) => host.weight === hosts[0].weight)
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

class LeastOfSome implements LoadBalancer {
  readonly #hosts: readonly EndpointHost[]
  readonly #choices: number

  constructor(hosts: readonly EndpointHost[], choices: number) {
    this.#hosts = hosts
    this.#choices = choices
  }

  choose(): EndpointHost | undefined {
    const hosts = this.#hosts
    let best: EndpointHost | undefined
    for (let i = 0; i < this.#choices; i++) {
      const host = hosts[Math.floor(Math.random() * hosts.length)]
      if (best === undefined || host.active < best.active) best = host
    }
    return best
  }
}

class LeastOfAll implements LoadBalancer {
  readonly #hosts: readonly EndpointHost[]

  constructor(hosts: readonly EndpointHost[]) {
    this.#hosts = hosts
  }

  /** Among equals by chance: the one behind a random place that comes first. */
  choose(): EndpointHost | undefined {
    const hosts = this.#hosts
    const from = Math.floor(Math.random() * hosts.length)
    let best: EndpointHost | undefined
    for (let i = 0; i < hosts.length; i++) {
      const host = hosts[(from + i) % hosts.length]
      if (best === undefined || host.active < best.active) best = host
    }
    return best
  }
}

/** nginx's smooth weighted round robin: a host with weight n of N comes n times in N, spread out. */
class SmoothRoundRobin implements LoadBalancer {
  readonly #hosts: readonly EndpointHost[]
  readonly #bias: number
  readonly #slowStart: SlowStart | undefined
  /** One for each host. A host may stand in several sets. */
  readonly #current: Float64Array

  constructor(hosts: readonly EndpointHost[], bias: number, slowStart?: SlowStart) {
    this.#hosts = hosts
    this.#bias = bias
    this.#slowStart = slowStart
    this.#current = new Float64Array(hosts.length)
  }

  choose(): EndpointHost | undefined {
    const hosts = this.#hosts
    const current = this.#current
    const bias = this.#bias
    const slowStart = this.#slowStart
    const now = slowStart === undefined ? 0 : performance.now()
    let total = 0
    let best = -1
    for (let i = 0; i < hosts.length; i++) {
      const host = hosts[i]
      let weight = host.weight
      if (bias === 1) weight /= host.active + 1
      else if (bias !== 0) weight /= (host.active + 1) ** bias
      if (slowStart !== undefined) weight *= slowStartFactor(slowStart, now - host.healthySince)
      total += weight
      current[i] += weight
      if (best === -1 || current[i] > current[best]) best = i
    }
    if (best === -1) return undefined
    current[best] -= total
    return hosts[best]
  }
}

/** Envoy's EdfLoadBalancerBase::applySlowStartFactor. */
export function slowStartFactor({ windowMs, aggression, minWeight }: SlowStart, ageMs: number): number {
  if (ageMs >= windowMs) return 1
  const part = Math.max(ageMs, 1) / windowMs
  return Math.max(aggression === 1 ? part : part ** (1 / aggression), minWeight)
}

function slowly(hosts: readonly EndpointHost[], then: LoadBalancer, slowStart: SlowStart, bias: number): LoadBalancer {
  let until = 0
  for (const host of hosts) until = Math.max(until, host.healthySince + slowStart.windowMs)
  return performance.now() >= until ? then : new SlowBeginning(hosts, then, slowStart, bias, until)
}

/** Weighs by age until the youngest host has its full share. */
class SlowBeginning implements LoadBalancer {
  readonly #slow: SmoothRoundRobin
  readonly #then: LoadBalancer
  #until: number

  constructor(hosts: readonly EndpointHost[], then: LoadBalancer, slowStart: SlowStart, bias: number, until: number) {
    this.#slow = new SmoothRoundRobin(hosts, bias, slowStart)
    this.#then = then
    this.#until = until
  }

  choose(hash: Hash64 | undefined): EndpointHost | undefined {
    if (this.#until !== 0) {
      if (performance.now() < this.#until) return this.#slow.choose()
      this.#until = 0
    }
    return this.#then.choose(hash)
  }
}
