import type { Address } from '../../../gen/envoy/config/core/v3/address_pb.ts'
import { HealthStatus } from '../../../gen/envoy/config/core/v3/health_check_pb.ts'
import {
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from '../../../gen/envoy/config/endpoint/v3/endpoint_components_pb.ts'
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { metadataJson } from '../config/any.ts'
import { invalid, onlyFields, unsupported } from '../config/fields.ts'
import type { EndpointSettings, Locality } from './endpoint-host.ts'
import { localityKey } from './host-set.ts'

/** One endpoint as it was delivered; `ip` may still be a name to look up. */
export interface Endpoint extends EndpointSettings {
  readonly healthy: boolean
}

export interface Assignment {
  readonly endpoints: readonly Endpoint[]
  /** By `localityKey`. */
  readonly localityWeights: ReadonlyMap<string, number>
}

export function compileAssignment(proto: ClusterLoadAssignment | undefined, path: string): Assignment {
  const endpoints: Endpoint[] = []
  const localityWeights = new Map<string, number>()
  if (proto === undefined) return { endpoints, localityWeights }
  onlyFields(ClusterLoadAssignmentSchema, proto, ['cluster_name', 'endpoints', 'policy'], path)
  proto.endpoints.forEach((group, i) => {
    const where = `${path}.endpoints[${i}]`
    onlyFields(
      LocalityLbEndpointsSchema,
      group,
      ['locality', 'lb_endpoints', 'load_balancing_weight', 'priority', 'metadata'],
      where,
    )
    const locality: Locality = {
      region: group.locality?.region ?? '',
      zone: group.locality?.zone ?? '',
      subZone: group.locality?.subZone ?? '',
    }
    localityWeights.set(localityKey(locality, group.priority), group.loadBalancingWeight ?? 0)
    group.lbEndpoints.forEach((entry, j) => {
      const at = `${where}.lb_endpoints[${j}]`
      onlyFields(LbEndpointSchema, entry, ['endpoint', 'health_status', 'metadata', 'load_balancing_weight'], at)
      if (entry.hostIdentifier.case !== 'endpoint') throw unsupported(at, 'named endpoints')
      const endpoint = entry.hostIdentifier.value
      if (endpoint.additionalAddresses.length > 0)
        throw unsupported(`${at}.endpoint.additional_addresses`, 'the field is not supported')
      const { ip, port } = socketAddress(endpoint.address, `${at}.endpoint.address`)
      endpoints.push({
        ip,
        port,
        hostname: endpoint.hostname,
        metadata: metadataJson(entry.metadata),
        locality,
        weight: entry.loadBalancingWeight ?? 1,
        priority: group.priority,
        healthPort: endpoint.healthCheckConfig?.portValue || port,
        healthy: HEALTHY.has(entry.healthStatus),
      })
    })
  })
  return { endpoints, localityWeights }
}

const HEALTHY: ReadonlySet<number> = new Set([HealthStatus.UNKNOWN, HealthStatus.HEALTHY, HealthStatus.DEGRADED])

export function socketAddress(address: Address | undefined, path: string): { ip: string; port: number } {
  const specifier = address?.address
  if (specifier?.case === 'pipe') return { ip: specifier.value.path, port: 0 }
  if (specifier?.case !== 'socketAddress') throw unsupported(path, specifier?.case ?? 'a missing address')
  const { address: ip, portSpecifier, protocol } = specifier.value
  if (protocol !== 0) throw unsupported(`${path}.socket_address.protocol`, 'UDP')
  if (portSpecifier.case !== 'portValue') throw unsupported(`${path}.socket_address`, 'named ports')
  if (ip === '') throw invalid(`${path}.socket_address.address`, 'an address is missing')
  return { ip, port: portSpecifier.value }
}
