/** `load_balancing_policy`: the policies that are extensions of Envoy. */
import type { LoadBalancingPolicy } from '../../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { LocalityLbConfig } from '../../../../gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts'
import {
  type LeastRequest,
  LeastRequest_SelectionMethod,
  LeastRequestSchema,
} from '../../../../gen/envoy/extensions/load_balancing_policies/least_request/v3/least_request_pb.ts'
import {
  type Maglev,
  MaglevSchema,
} from '../../../../gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts'
import {
  type Random,
  RandomSchema,
} from '../../../../gen/envoy/extensions/load_balancing_policies/random/v3/random_pb.ts'
import {
  type RingHash,
  RingHash_HashFunction,
  RingHashSchema,
} from '../../../../gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts'
import {
  type RoundRobin,
  RoundRobinSchema,
} from '../../../../gen/envoy/extensions/load_balancing_policies/round_robin/v3/round_robin_pb.ts'
import {
  type Subset,
  SubsetSchema,
} from '../../../../gen/envoy/extensions/load_balancing_policies/subset/v3/subset_pb.ts'
import {
  type WrrLocality,
  WrrLocalitySchema,
} from '../../../../gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts'
import { messageName, unpack } from '../../config/any.ts'
import { invalid, unsupported } from '../../config/fields.ts'
import { random, roundRobin } from './load-balancer.ts'
import {
  hashOptions,
  type LbPolicy,
  leastRequestPolicy,
  maglevPolicy,
  ringHashPolicy,
  slowStart,
} from './policy-parts.ts'
import { typedSubsets } from './subset-config.ts'
import { zoneSettings } from './zone-config.ts'

type Compile<M> = (config: M, path: string) => LbPolicy

const COMPILERS: ReadonlyMap<string, Compile<never>> = new Map<string, Compile<never>>([
  [RoundRobinSchema.typeName, roundRobinPolicy],
  [LeastRequestSchema.typeName, leastRequest],
  [RandomSchema.typeName, randomPolicy],
  [RingHashSchema.typeName, ringHash],
  [MaglevSchema.typeName, maglev],
  [WrrLocalitySchema.typeName, wrrLocality],
  [SubsetSchema.typeName, subset],
])

/** The first of the policies that is known, as in Envoy. */
export function typedPolicy({ policies }: LoadBalancingPolicy, path: string): LbPolicy {
  for (const [i, { typedExtensionConfig }] of policies.entries()) {
    const any = typedExtensionConfig?.typedConfig
    const where = `${path}.policies[${i}].typed_extension_config.typed_config`
    if (any === undefined) throw invalid(where, 'a typed config is missing')
    if (messageName(any.typeUrl).endsWith('TypedStruct') || COMPILERS.has(messageName(any.typeUrl))) {
      const { typeName, message } = unpack(any, where)
      const compile = COMPILERS.get(typeName)
      if (compile !== undefined) return compile(message as never, where)
    }
  }
  const names = policies.map(({ typedExtensionConfig }) => typedExtensionConfig?.name ?? '').join(', ')
  throw unsupported(`${path}.policies`, names === '' ? 'a policy is missing' : `none of ${names}`)
}

function plain(make: LbPolicy['make'], locality: LocalityLbConfig | undefined, path: string): LbPolicy {
  const specifier = locality?.localityConfigSpecifier
  const zoneAware = specifier?.case === 'zoneAwareLbConfig' ? specifier.value : undefined
  const localityWeighted = specifier?.case === 'localityWeightedLbConfig'
  return {
    make,
    localityWeighted,
    subsets: undefined,
    failOnPanic: zoneAware?.failTrafficOnPanic ?? false,
    zones:
      make.consistent === true || localityWeighted
        ? undefined
        : zoneSettings(zoneAware, `${path}.locality_lb_config.zone_aware_lb_config`),
  }
}

function roundRobinPolicy(config: RoundRobin, path: string): LbPolicy {
  return plain(roundRobin(slowStart(config.slowStartConfig, path)), config.localityLbConfig, path)
}

function randomPolicy(config: Random, path: string): LbPolicy {
  return plain(random, config.localityLbConfig, path)
}

function leastRequest(config: LeastRequest, path: string): LbPolicy {
  const full = config.enableFullScan ?? config.selectionMethod === LeastRequest_SelectionMethod.FULL_SCAN
  return plain(
    full ? leastRequestPolicy(config, path, Number.POSITIVE_INFINITY) : leastRequestPolicy(config, path),
    config.localityLbConfig,
    path,
  )
}

function ringHash(config: RingHash, path: string): LbPolicy {
  // The two fields of its own are older than the message.
  const options = hashOptions(config.consistentHashingLbConfig ?? config, `${path}.consistent_hashing_lb_config`)
  const murmur = config.hashFunction === RingHash_HashFunction.MURMUR_HASH_2
  const policy = plain(ringHashPolicy(config, murmur, options, path), undefined, path)
  return { ...policy, localityWeighted: config.localityWeightedLbConfig !== undefined }
}

function maglev(config: Maglev, path: string): LbPolicy {
  const options = hashOptions(config.consistentHashingLbConfig, `${path}.consistent_hashing_lb_config`)
  const policy = plain(maglevPolicy(config.tableSize, options, path), undefined, path)
  return { ...policy, localityWeighted: config.localityWeightedLbConfig !== undefined }
}

function wrrLocality(config: WrrLocality, path: string): LbPolicy {
  return {
    ...inner(config.endpointPickingPolicy, `${path}.endpoint_picking_policy`),
    localityWeighted: true,
    zones: undefined,
  }
}

function subset(config: Subset, path: string): LbPolicy {
  const policy = inner(config.subsetLbPolicy, `${path}.subset_lb_policy`)
  if (policy.subsets !== undefined) throw invalid(`${path}.subset_lb_policy`, 'subsets within subsets')
  return { ...policy, subsets: typedSubsets(config, path) }
}

function inner(policy: LoadBalancingPolicy | undefined, path: string): LbPolicy {
  if (policy === undefined) throw invalid(path, 'a policy is missing')
  return typedPolicy(policy, path)
}
