import {
  Cluster_CommonLbConfig_ZoneAwareLbConfigSchema,
  Cluster_CommonLbConfigSchema,
  Cluster_LeastRequestLbConfigSchema,
  Cluster_RoundRobinLbConfigSchema,
  type Cluster as ClusterProto,
  Cluster_RingHashLbConfig_HashFunction as HashFunction,
  Cluster_LbPolicy as Legacy,
} from '../../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { invalid, onlyFields, unsupported } from '../../config/fields.ts'
import { type LoadBalancerFactory, random, roundRobin } from './load-balancer.ts'
import {
  hashOptions,
  type LbPolicy,
  leastRequestPolicy,
  maglevPolicy,
  ringHashPolicy,
  slowStart,
} from './policy-parts.ts'
import { legacySubsets } from './subset-config.ts'
import { typedPolicy } from './typed-policy.ts'
import { zoneSettings } from './zone-config.ts'

const COMMON = [
  'healthy_panic_threshold',
  'locality_weighted_lb_config',
  'update_merge_window',
  'ignore_new_hosts_until_first_hc',
  'close_connections_on_host_set_change',
  'zone_aware_lb_config',
  'consistent_hashing_lb_config',
]

/** How a cluster says that hosts are chosen: by `lb_policy` and the settings beside it, or by `load_balancing_policy`. */
export function lbPolicy(proto: ClusterProto, path: string): LbPolicy {
  const common = proto.commonLbConfig
  const where = `${path}.common_lb_config`
  if (common !== undefined) onlyFields(Cluster_CommonLbConfigSchema, common, COMMON, where)
  const typed = proto.loadBalancingPolicy
  if (typed !== undefined) {
    const apart = 'cannot stand beside load_balancing_policy'
    if (proto.lbSubsetConfig !== undefined) throw invalid(`${path}.lb_subset_config`, apart)
    if (common?.localityConfigSpecifier.case !== undefined || common?.consistentHashingLbConfig !== undefined)
      throw invalid(
        where,
        `zone_aware_lb_config, locality_weighted_lb_config and consistent_hashing_lb_config ${apart}`,
      )
    return typedPolicy(typed, `${path}.load_balancing_policy`)
  }
  if (proto.lbPolicy === Legacy.LOAD_BALANCING_POLICY_CONFIG)
    throw invalid(`${path}.load_balancing_policy`, 'is missing, which lb_policy asks for')
  const locality = common?.localityConfigSpecifier
  if (locality?.case === 'zoneAwareLbConfig') {
    const fields = ['routing_enabled', 'min_cluster_size', 'fail_traffic_on_panic']
    onlyFields(Cluster_CommonLbConfig_ZoneAwareLbConfigSchema, locality.value, fields, `${where}.zone_aware_lb_config`)
  }
  const make = legacyPolicy(proto, path)
  const zoneAware = locality?.case === 'zoneAwareLbConfig' ? locality.value : undefined
  return {
    make,
    localityWeighted: locality?.case === 'localityWeightedLbConfig',
    subsets: proto.lbSubsetConfig && legacySubsets(proto.lbSubsetConfig, `${path}.lb_subset_config`),
    failOnPanic: zoneAware?.failTrafficOnPanic ?? false,
    zones:
      make.consistent === true || locality?.case === 'localityWeightedLbConfig'
        ? undefined
        : zoneSettings(zoneAware, `${where}.zone_aware_lb_config`),
  }
}

function legacyPolicy(proto: ClusterProto, path: string): LoadBalancerFactory {
  const { lbConfig } = proto
  const where = `${path}.common_lb_config.consistent_hashing_lb_config`
  const options = hashOptions(proto.commonLbConfig?.consistentHashingLbConfig, where)
  switch (proto.lbPolicy) {
    case Legacy.ROUND_ROBIN: {
      if (lbConfig.case !== 'roundRobinLbConfig') return roundRobin()
      onlyFields(
        Cluster_RoundRobinLbConfigSchema,
        lbConfig.value,
        ['slow_start_config'],
        `${path}.round_robin_lb_config`,
      )
      return roundRobin(slowStart(lbConfig.value.slowStartConfig, `${path}.round_robin_lb_config`))
    }
    case Legacy.LEAST_REQUEST: {
      const at = `${path}.least_request_lb_config`
      if (lbConfig.case !== 'leastRequestLbConfig') return leastRequestPolicy(undefined, at)
      const fields = ['choice_count', 'active_request_bias', 'slow_start_config']
      onlyFields(Cluster_LeastRequestLbConfigSchema, lbConfig.value, fields, at)
      return leastRequestPolicy(lbConfig.value, at)
    }
    case Legacy.RANDOM:
      return random
    case Legacy.RING_HASH: {
      const at = `${path}.ring_hash_lb_config`
      if (lbConfig.case !== 'ringHashLbConfig') return ringHashPolicy(undefined, false, options, at)
      return ringHashPolicy(lbConfig.value, lbConfig.value.hashFunction === HashFunction.MURMUR_HASH_2, options, at)
    }
    case Legacy.MAGLEV: {
      const size = lbConfig.case === 'maglevLbConfig' ? lbConfig.value.tableSize : undefined
      return maglevPolicy(size, options, `${path}.maglev_lb_config`)
    }
    default:
      throw unsupported(
        `${path}.lb_policy`,
        `load balancing policy ${proto.lbPolicy === Legacy.CLUSTER_PROVIDED ? 'CLUSTER_PROVIDED' : proto.lbPolicy}`,
      )
  }
}
