import { isIP } from 'node:net'
import type { Address } from '../../../gen/envoy/config/core/v3/address_pb.ts'
import { HealthStatus } from '../../../gen/envoy/config/core/v3/health_check_pb.ts'
import {
  Endpoint_HealthCheckConfigSchema,
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from '../../../gen/envoy/config/endpoint/v3/endpoint_components_pb.ts'
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignment_PolicySchema,
  ClusterLoadAssignmentSchema,
} from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { metadataJson } from '../config/any.ts'
import { invalid, onlyFields, unsupported } from '../config/fields.ts'
import type { EndpointSettings, Locality } from './endpoint-host.ts'
import { headerText } from './health/probe-headers.ts'
import { HealthFlag } from './health-flag.ts'
import { localityKey } from './lb/locality-key.ts'

/** One endpoint as it was delivered; `ip` may still be a name to look up. */
export interface Endpoint extends EndpointSettings {
  /** What EDS says of it. */
  readonly healthFlags: number
}

/** The endpoints of a cluster, and what holds for all of them. */
export interface Assignment {
  readonly endpoints: readonly Endpoint[]
  /** By `localityKey`. */
  readonly localityWeights: ReadonlyMap<string, number>
  /** In percent, 140 unless told: a priority with 72 % of its hosts healthy still takes all of its traffic. */
  readonly overprovisioning: number
}

/** Reads endpoints, of the cluster itself or of EDS; throws where something is wrong or not supported. */
export function compileAssignment(proto: ClusterLoadAssignment | undefined, path: string): Assignment {
  const endpoints: Endpoint[] = []
  const localityWeights = new Map<string, number>()
  if (proto === undefined) return { endpoints, localityWeights, overprovisioning: 140 }
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
    if (group.priority > MAX_PRIORITY) throw invalid(`${where}.priority`, `must not exceed ${MAX_PRIORITY}`)
    localityWeights.set(localityKey(locality, group.priority), group.loadBalancingWeight ?? 0)
    group.lbEndpoints.forEach((entry, j) => {
      const at = `${where}.lb_endpoints[${j}]`
      onlyFields(LbEndpointSchema, entry, ['endpoint', 'health_status', 'metadata', 'load_balancing_weight'], at)
      if (entry.hostIdentifier.case !== 'endpoint') throw unsupported(at, 'named endpoints')
      if (entry.loadBalancingWeight === 0) throw invalid(`${at}.load_balancing_weight`, 'must be at least 1')
      const endpoint = entry.hostIdentifier.value
      const health = endpoint.healthCheckConfig
      if (health !== undefined) {
        const fields = ['port_value', 'hostname', 'disable_active_health_check']
        onlyFields(Endpoint_HealthCheckConfigSchema, health, fields, `${at}.endpoint.health_check_config`)
      }
      // Health checks and routes write them into requests.
      headerText(endpoint.hostname, `${at}.endpoint.hostname`)
      headerText(health?.hostname ?? '', `${at}.endpoint.health_check_config.hostname`)
      const internal = internalAddress(endpoint.address, `${at}.endpoint.address`)
      const { ip, port } = internal?.place ?? socketAddress(endpoint.address, `${at}.endpoint.address`)
      endpoints.push({
        ip,
        port,
        hostname: endpoint.hostname,
        metadata: metadataJson(entry.metadata),
        locality,
        weight: entry.loadBalancingWeight ?? 1,
        priority: group.priority,
        internalListener: internal?.listener ?? '',
        healthPort: health?.portValue || port,
        healthHostname: health?.hostname ?? '',
        healthChecked: !(health?.disableActiveHealthCheck ?? false),
        healthFlags: EDS_HEALTH[entry.healthStatus] ?? 0,
      })
    })
  })
  return { endpoints, localityWeights, overprovisioning: overprovisioning(proto, path) }
}

/** Refuses what would have to be looked up. */
export function noNames(endpoints: readonly Endpoint[], path: string): void {
  for (const { ip, internalListener } of endpoints) {
    if (isIP(ip) === 0 && !ip.startsWith('/') && internalListener === '')
      throw invalid(path, `${ip} is not an IP address; use STRICT_DNS`)
  }
}

/** What Envoy's proto allows. */
const MAX_PRIORITY = 128

const EDS_HEALTH: Readonly<Record<number, number>> = {
  [HealthStatus.UNHEALTHY]: HealthFlag.FailedEds,
  [HealthStatus.TIMEOUT]: HealthFlag.FailedEds,
  [HealthStatus.DRAINING]: HealthFlag.Draining,
  [HealthStatus.DEGRADED]: HealthFlag.DegradedEds,
}

function overprovisioning({ policy }: ClusterLoadAssignment, path: string): number {
  if (policy === undefined) return 140
  onlyFields(ClusterLoadAssignment_PolicySchema, policy, ['overprovisioning_factor'], `${path}.policy`)
  const factor = policy.overprovisioningFactor ?? 140
  if (factor === 0) throw invalid(`${path}.policy.overprovisioning_factor`, 'must be greater than 0')
  return factor
}

/** The flags that discovery decides. */
export const EDS_FLAGS = HealthFlag.FailedEds | HealthFlag.Draining | HealthFlag.DegradedEds

/** A listener of this proxy itself; `place`: what stands for its address, as Envoy writes it. */
function internalAddress(address: Address | undefined, path: string) {
  if (address?.address.case !== 'envoyInternalAddress') return undefined
  const { addressNameSpecifier, endpointId } = address.address.value
  const listener = addressNameSpecifier.case === 'serverListenerName' ? addressNameSpecifier.value : ''
  if (listener === '') throw invalid(`${path}.envoy_internal_address.server_listener_name`, 'a name is missing')
  return { listener, place: { ip: `envoy://${listener}/${endpointId}`, port: 0 } }
}

/** The address that is meant; a pipe's path stands in the place of an IP address. */
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
