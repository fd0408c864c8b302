/** Ring hash and Maglev: the same key finds the same host, and the one that Envoy would choose. */
import { byteString } from '../../../base/byte-string.ts'
import type { EndpointHost } from '../endpoint-host.ts'
import { Hash64, xxHash64 } from '../hash64.ts'
import { BoundedLoad } from './bounded-load.ts'
import type { LoadBalancer, LoadBalancerFactory } from './load-balancer.ts'

/** What ring hash and Maglev have in common. */
export interface HashOptions {
  readonly byHostname: boolean
  /** Percents of a fair share that a host takes; 0: of any. */
  readonly balanceFactor: number
}

const PLAIN: HashOptions = { byHostname: false, balanceFactor: 0 }

/** What a host is hashed by: a key of its own in the metadata, its name where that is wanted, else its address. */
function hashKey(host: EndpointHost, byHostname: boolean): string {
  const lb = host.metadata['envoy.lb'] as { hash_key?: unknown } | undefined
  if (typeof lb?.hash_key === 'string') return byteString(lb.hash_key)
  return byHostname ? byteString(host.hostname) : host.address
}

/** The hosts' own weights as parts of their sum. */
function normalized(hosts: readonly EndpointHost[]): number[] {
  const total = hosts.reduce((sum, host) => sum + host.weight, 0)
  return hosts.map((host) => host.weight / total)
}

const chance = new Hash64()

/** Without a key any host is as good. */
function orRandom(hash: Hash64 | undefined): Hash64 {
  return hash ?? chance.set(Math.random() * 0x1_0000_0000, Math.random() * 0x1_0000_0000)
}

/** Consistent hashing on a ring (ketama). */
export function ringHash(
  minSize: number,
  maxSize: number,
  options = PLAIN,
  hash: (text: string, out: Hash64) => Hash64 = xxHash64,
): LoadBalancerFactory {
  return consistent(
    (hosts, weights) => new Ring(hosts, weights, minSize, maxSize, options.byHostname, hash),
    options.balanceFactor,
  )
}

function consistent(
  table: (hosts: readonly EndpointHost[], weights: readonly number[]) => LoadBalancer,
  balanceFactor: number,
): LoadBalancerFactory {
  const make = (hosts: readonly EndpointHost[], weights: readonly number[] = normalized(hosts)): LoadBalancer => {
    const balancer = table(hosts, weights)
    return balanceFactor === 0 ? balancer : new BoundedLoad(balancer, hosts, weights, balanceFactor)
  }
  return Object.assign(make, { consistent: true })
}

class Ring implements LoadBalancer {
  readonly #hosts: readonly EndpointHost[]
  readonly #high: Uint32Array
  readonly #low: Uint32Array
  /** Which host an entry belongs to. */
  readonly #owner: Uint32Array
  readonly gauges: LoadBalancer['gauges']

  constructor(
    hosts: readonly EndpointHost[],
    weights: readonly number[],
    minSize: number,
    maxSize: number,
    byHostname: boolean,
    hashOf: (text: string, out: Hash64) => Hash64,
  ) {
    this.#hosts = hosts
    const lightest = Math.min(...weights)
    // The lightest host gets a whole number of entries; a ring that would be too large is scaled down.
    const scale = Math.min(Math.ceil(lightest * minSize) / lightest, maxSize)
    const entries: { hi: number; lo: number; owner: number }[] = []
    const hash = new Hash64()
    let target = 0
    const counts = hosts.map((host, owner) => {
      const key = hashKey(host, byHostname)
      const before = entries.length
      target += scale * weights[owner]
      for (let i = 0; entries.length < target; i++) {
        const { hi, lo } = hashOf(`${key}_${i}`, hash)
        entries.push({ hi, lo, owner })
      }
      return entries.length - before
    })
    if (hosts.length > 0)
      this.gauges = {
        'ring_hash_lb.size': Math.ceil(scale),
        'ring_hash_lb.min_hashes_per_host': Math.min(...counts),
        'ring_hash_lb.max_hashes_per_host': Math.max(...counts),
      }
    entries.sort((a, b) => a.hi - b.hi || a.lo - b.lo)
    this.#high = Uint32Array.from(entries, ({ hi }) => hi)
    this.#low = Uint32Array.from(entries, ({ lo }) => lo)
    this.#owner = Uint32Array.from(entries, ({ owner }) => owner)
  }

  /** The first entry at or behind the key, round the ring. */
  choose(key: Hash64 | undefined): EndpointHost | undefined {
    const size = this.#owner.length
    if (size === 0) return undefined
    const { hi, lo } = orRandom(key)
    let from = 0
    let to = size
    while (from < to) {
      const middle = (from + to) >>> 1
      const high = this.#high[middle]
      if (high < hi || (high === hi && this.#low[middle] < lo)) from = middle + 1
      else to = middle
    }
    return this.#hosts[this.#owner[from === size ? 0 : from]]
  }
}

/** Google's Maglev: a table in which every host has its share, and few entries move when the hosts change. */
export function maglev(size: number, options = PLAIN): LoadBalancerFactory {
  return consistent((hosts, weights) => {
    const { table, gauges } = maglevTable(hosts, weights, size, options.byHostname)
    return { gauges, choose: (hash) => table[orRandom(hash).modulo(size)] }
  }, options.balanceFactor)
}

function maglevTable(
  hosts: readonly EndpointHost[],
  weights: readonly number[],
  size: number,
  byHostname: boolean,
): { readonly table: readonly (EndpointHost | undefined)[]; readonly gauges: LoadBalancer['gauges'] } {
  const table = new Array<EndpointHost | undefined>(size).fill(undefined)
  const heaviest = Math.max(...weights)
  const hash = new Hash64()
  const entries = hosts.map((host, i) => {
    const key = hashKey(host, byHostname)
    const offset = xxHash64(key, hash).modulo(size)
    const skip = xxHash64(key, hash, 0, 1).modulo(size - 1) + 1
    return { host, key, at: offset, skip, weight: weights[i], target: 0, count: 0 }
  })
  // In the order of their keys, so that every proxy builds the same table whatever order it was told the hosts in.
  entries.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  let filled = 0
  for (let round = 1; filled < size && entries.length > 0; round++) {
    for (const entry of entries) {
      if (filled === size) break
      // A host with half the weight takes its turn every other round.
      if (round * entry.weight < entry.target) continue
      entry.target += heaviest
      while (table[entry.at] !== undefined) entry.at = (entry.at + entry.skip) % size
      table[entry.at] = entry.host
      entry.count++
      filled++
    }
  }
  if (entries.length === 0) return { table, gauges: undefined }
  const counts = entries.map(({ count }) => count)
  const gauges = {
    'maglev_lb.min_entries_per_host': Math.min(...counts),
    'maglev_lb.max_entries_per_host': Math.max(...counts),
  }
  return { table, gauges }
}
