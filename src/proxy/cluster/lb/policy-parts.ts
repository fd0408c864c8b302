/** What the old fields of a cluster (`lb_policy`, `*_lb_config`) and the typed policies have in common. */
import {
  type Cluster_CommonLbConfig_ConsistentHashingLbConfig,
  type Cluster_LeastRequestLbConfig,
  type Cluster_RingHashLbConfig,
  type Cluster_SlowStartConfig,
  Cluster_SlowStartConfigSchema,
} from '../../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import {
  type ConsistentHashingLbConfig,
  type SlowStartConfig,
  SlowStartConfigSchema,
} from '../../../../gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts'
import type { LeastRequest } from '../../../../gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts'
import type { RingHash } from '../../../../gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts'
import { durationMs, invalid, onlyFields } from '../../config/fields.ts'
import { murmurHash2, xxHash64 } from '../hash64.ts'
import { type HashOptions, maglev, ringHash } from './consistent-hash.ts'
import { type LoadBalancerFactory, leastRequest, type SlowStart } from './load-balancer.ts'
import type { SubsetSettings } from './subset-config.ts'
import type { ZoneSettings } from './zone-config.ts'

/** How hosts are chosen. */
export interface LbPolicy {
  readonly make: LoadBalancerFactory
  readonly localityWeighted: boolean
  readonly subsets: SubsetSettings | undefined
  /** In panic nobody gets anything, rather than everybody something. */
  readonly failOnPanic: boolean
  /** undefined: it does not look at zones. */
  readonly zones: ZoneSettings | undefined
}

const MAX_RING = 8_388_608
const MAX_TABLE = 5_000_011

/** A host that has just come gets less for a time; undefined: its window is 0. Defaults: aggression 1, at least 10 %. */
export function slowStart(
  proto: Cluster_SlowStartConfig | SlowStartConfig | undefined,
  path: string,
): SlowStart | undefined {
  if (proto === undefined) return undefined
  const where = `${path}.slow_start_config`
  const fields = ['slow_start_window', 'aggression', 'min_weight_percent']
  if (proto.$typeName === Cluster_SlowStartConfigSchema.typeName)
    onlyFields(Cluster_SlowStartConfigSchema, proto, fields, where)
  else onlyFields(SlowStartConfigSchema, proto, fields, where)
  const windowMs = durationMs(proto.slowStartWindow, 0)
  const aggression = proto.aggression?.defaultValue ?? 1
  if (aggression <= 0) throw invalid(`${where}.aggression`, 'must be greater than 0')
  const percent = proto.minWeightPercent?.value ?? 10
  if (percent < 0 || percent > 100) throw invalid(`${where}.min_weight_percent`, 'must be 0 to 100')
  return windowMs === 0 ? undefined : { windowMs, aggression, minWeight: percent / 100 }
}

/** Of `choices` hosts taken at random the one with the fewest requests in relation to its weight. */
export function leastRequestPolicy(
  parts: Cluster_LeastRequestLbConfig | LeastRequest | undefined,
  path: string,
  choices = parts?.choiceCount ?? 2,
): LoadBalancerFactory {
  if (choices < 2) throw invalid(`${path}.choice_count`, 'must be at least 2')
  const bias = parts?.activeRequestBias?.defaultValue ?? 1
  if (bias < 0) throw invalid(`${path}.active_request_bias`, 'must not be negative')
  return leastRequest(choices, bias, slowStart(parts?.slowStartConfig, path))
}

/** Rings of 1024 hashes and more, up to Envoy's limit of 8M; `murmur`: MURMUR_HASH_2, else xxHash. */
export function ringHashPolicy(
  parts: Cluster_RingHashLbConfig | RingHash | undefined,
  murmur: boolean,
  options: HashOptions,
  path: string,
): LoadBalancerFactory {
  const min = Number(parts?.minimumRingSize ?? 1024n)
  const max = Number(parts?.maximumRingSize ?? MAX_RING)
  if (min > max || max > MAX_RING) throw invalid(path, `minimum_ring_size (${min}) above maximum_ring_size (${max})`)
  return ringHash(min, max, options, murmur ? murmurHash2 : xxHash64)
}

/** 65 537 places unless told. Their number has to be a prime: else some tables could never be filled. */
export function maglevPolicy(tableSize: bigint | undefined, options: HashOptions, path: string): LoadBalancerFactory {
  const size = Number(tableSize ?? 65_537n)
  if (size > MAX_TABLE || !isPrime(size))
    throw invalid(`${path}.table_size`, `${size} is not a prime number up to ${MAX_TABLE}`)
  return maglev(size, options)
}

/** What consistent hashing has in common: by which name a host is hashed, and how much more than its share it may have. */
export function hashOptions(
  parts: Cluster_CommonLbConfig_ConsistentHashingLbConfig | ConsistentHashingLbConfig | RingHash | undefined,
  path: string,
): HashOptions {
  const balanceFactor = parts?.hashBalanceFactor ?? 0
  if (balanceFactor !== 0 && balanceFactor < 100) throw invalid(`${path}.hash_balance_factor`, 'must be at least 100')
  return { byHostname: parts?.useHostnameForHashing ?? false, balanceFactor }
}

function isPrime(number: number): boolean {
  for (let i = 2; i * i <= number; i++) if (number % i === 0) return false
  return number > 1
}
