import type { EndpointHost } from './endpoint-host.ts'
import { hash32 } from './hash.ts'

/** Picks a host out of a set that is rebuilt whenever membership or health changes. */
export interface LoadBalancer {
  /** `hash` is for the hashing ones. */
  choose(hash: number | undefined): EndpointHost | undefined
}

export type LoadBalancerFactory = (hosts: readonly EndpointHost[]) => LoadBalancer

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

/** What a host is hashed by: a name that stays when its address changes, else the address. */
function hashKey(host: EndpointHost): string {
  const lb = host.metadata['envoy.lb'] as { hash_key?: unknown } | undefined
  return typeof lb?.hash_key === 'string' ? lb.hash_key : host.address
}

/** Consistent hashing on a ring (ketama). */
export function ringHash(minSize: number, maxSize: number): LoadBalancerFactory {
  return (hosts) => {
    const total = hosts.reduce((sum, host) => sum + host.weight, 0)
    const lightest = Math.min(...hosts.map((host) => host.weight))
    // The lightest host gets at least one whole entry, the ring at least `minSize`.
    const scale = Math.min(Math.ceil((lightest / total) * minSize) / (lightest / total), maxSize)
    const ring: { hash: number; host: EndpointHost }[] = []
    for (const host of hosts) {
      const count = Math.max(1, Math.round((host.weight / total) * scale))
      const key = hashKey(host)
      for (let i = 0; i < count; i++) ring.push({ hash: hash32(`${key}_${i}`), host })
    }
    ring.sort((a, b) => a.hash - b.hash)
    return { choose: (hash) => (ring.length === 0 ? undefined : ring[firstAtLeast(ring, hash ?? randomHash())].host) }
  }
}

function firstAtLeast(ring: readonly { hash: number }[], hash: number): number {
  let low = 0
  let high = ring.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ring[middle].hash < hash) low = middle + 1
    else high = middle
  }
  return low === ring.length ? 0 : low
}

/** Google's Maglev: a table in which every host has its share, and few entries move when the hosts change. */
export function maglev(size: number): LoadBalancerFactory {
  return (hosts) => {
    const table = new Array<EndpointHost | undefined>(size)
    const heaviest = Math.max(...hosts.map((host) => host.weight))
    const entries = hosts.map((host) => {
      const key = hashKey(host)
      return { host, offset: hash32(key) % size, skip: (hash32(key, 1) % (size - 1)) + 1, next: 0, target: 0 }
    })
    let filled = 0
    for (let round = 1; filled < size && entries.length > 0; round++) {
      for (const entry of entries) {
        if (filled === size) break
        // A host with half the weight takes its turn every other round.
        if (round * entry.host.weight < entry.target) continue
        entry.target += heaviest
        let at = (entry.offset + entry.skip * entry.next) % size
        while (table[at] !== undefined) {
          entry.next++
          at = (entry.offset + entry.skip * entry.next) % size
        }
        table[at] = entry.host
        entry.next++
        filled++
      }
    }
    return { choose: (hash) => table[(hash ?? randomHash()) % size] }
  }
}

function randomHash(): number {
  return Math.floor(Math.random() * 0x1_0000_0000)
}
