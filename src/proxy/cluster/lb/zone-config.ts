import type { Cluster_CommonLbConfig_ZoneAwareLbConfig } from '../../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import {
  type LocalityLbConfig_ZoneAwareLbConfig,
  LocalityLbConfig_ZoneAwareLbConfig_ForceLocalZoneSchema,
  LocalityLbConfig_ZoneAwareLbConfig_LocalityBasis,
  LocalityLbConfig_ZoneAwareLbConfigSchema,
} from '../../../../gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.ts'
import { onlyFields, within } from '../../config/fields.ts'

/** `zone_aware_lb_config`, or what holds without one. */
export interface ZoneSettings {
  /** Of the requests, in percent. */
  readonly enabled: number
  readonly minClusterSize: number
  /** With so many healthy hosts in the own zone all goes there; undefined: what is the zone's share. */
  readonly forceLocalMin: number | undefined
  /** Zones count by the weights of their hosts, not by their number. */
  readonly byWeight: boolean
}

/** Reads it; `path` is that of the cluster's settings around it. */
export function zoneSettings(
  proto: Cluster_CommonLbConfig_ZoneAwareLbConfig | LocalityLbConfig_ZoneAwareLbConfig | undefined,
  path: string,
): ZoneSettings {
  return {
    enabled: Math.round(within(proto?.routingEnabled?.value, 100, 0, 100, `${path}.routing_enabled`)),
    minClusterSize: Number(proto?.minClusterSize ?? 6n),
    ...(proto?.$typeName === LocalityLbConfig_ZoneAwareLbConfigSchema.typeName
      ? newer(proto, path)
      : { forceLocalMin: undefined, byWeight: false }),
  }
}

const FIELDS = [
  'routing_enabled',
  'min_cluster_size',
  'fail_traffic_on_panic',
  'force_locality_direct_routing',
  'force_local_zone',
  'locality_basis',
]

/** What only the typed policies have. */
function newer(
  proto: LocalityLbConfig_ZoneAwareLbConfig,
  path: string,
): Pick<ZoneSettings, 'forceLocalMin' | 'byWeight'> {
  onlyFields(LocalityLbConfig_ZoneAwareLbConfigSchema, proto, FIELDS, path)
  const force = proto.forceLocalZone
  if (force !== undefined)
    onlyFields(LocalityLbConfig_ZoneAwareLbConfig_ForceLocalZoneSchema, force, ['min_size'], `${path}.force_local_zone`)
  const deprecated = proto.forceLocalityDirectRouting ? 1 : undefined
  return {
    forceLocalMin: force === undefined ? deprecated : (force.minSize ?? 1),
    byWeight: proto.localityBasis === LocalityLbConfig_ZoneAwareLbConfig_LocalityBasis.HEALTHY_HOSTS_WEIGHT,
  }
}
