import type { KubeObject } from '../../kube/index.ts'
import { clusterName, fqdn } from '../model/hosts.ts'
import type { Mesh } from '../model/mesh.ts'
import {
  type Endpoint,
  endpointsOf,
  externalEndpoints,
  type Service,
  type ServicePort,
  speaksHttp2,
} from '../model/services.ts'
import { type Labels, matchesLabels } from '../model/workload.ts'
import { ADS } from './ads-source.ts'
import { type Config, envoyType } from './config.ts'
import { trafficPolicy } from './traffic-policy.ts'

/** Istio's «no limit»: the largest uint32. */
const UNLIMITED = 4294967295

const CIRCUIT_BREAKERS = {
  thresholds: [
    {
      max_connections: UNLIMITED,
      max_pending_requests: UNLIMITED,
      max_requests: UNLIMITED,
      max_retries: UNLIMITED,
      track_remaining: true,
    },
  ],
}

const HTTP2_OPTIONS = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
    '@type': envoyType('extensions.upstreams.http.v3.HttpProtocolOptions'),
    explicit_http_config: { http2_protocol_options: {} },
  },
}

/** A subset of a service, as a DestinationRule names it. */
export interface Subset {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  // biome-ignore lint/suspicious/noExplicitAny: a TrafficPolicy that the API server has checked against its CRD
  readonly trafficPolicy: Record<string, any> | undefined
}

/** One cluster per service port, and one more for each subset of it. */
export function clusters(mesh: Mesh): Config[] {
  const rules = destinationRules(mesh)
  const found: Config[] = []
  for (const service of mesh.services().values()) {
    const rule = rules.get(service.host)
    for (const port of tcpPorts(service)) {
      found.push(cluster(service, port, undefined, rule))
      for (const subset of subsetsOf(rule)) found.push(cluster(service, port, subset, rule))
    }
  }
  return found
}

/** The load assignment of each EDS cluster. */
export function loadAssignments(mesh: Mesh): Config[] {
  const rules = destinationRules(mesh)
  const found: Config[] = []
  for (const service of mesh.services().values()) {
    if (service.external?.resolution === 'DNS') continue
    const slices = mesh.slices(`${service.namespace}/${service.name}`)
    for (const port of tcpPorts(service)) {
      const endpoints =
        service.external === undefined
          ? endpointsOf(slices, port.name, (key) => mesh.podLabels(key))
          : externalEndpoints(service.external, port)
      found.push(loadAssignment(clusterName(port.port, '', service.host), endpoints))
      for (const { name, labels } of subsetsOf(rules.get(service.host))) {
        const chosen = endpoints.filter((endpoint) => matchesLabels(labels, endpoint.labels))
        found.push(loadAssignment(clusterName(port.port, name, service.host), chosen))
      }
    }
  }
  return found
}

function tcpPorts(service: Service): ServicePort[] {
  return service.ports.filter((port) => port.protocol === 'TCP')
}

/** The DestinationRule of each host; the oldest when there are several. */
function destinationRules(mesh: Mesh): ReadonlyMap<string, KubeObject> {
  return mesh.derive('destinationRules', ['destinationRule'], () => {
    const rules = new Map<string, KubeObject>()
    for (const rule of mesh.all('destinationRule')) {
      const host = fqdn(rule['spec']?.host ?? '', rule.metadata.namespace ?? '', mesh.clusterDomain)
      const known = rules.get(host)
      if (known === undefined || age(rule) < age(known)) rules.set(host, rule)
    }
    return rules
  })
}

function age(object: KubeObject): string {
  return object.metadata.creationTimestamp ?? ''
}

function subsetsOf(rule: KubeObject | undefined): Subset[] {
  return (rule?.['spec']?.subsets ?? []).map((subset: Subset) => ({ ...subset, labels: subset.labels ?? {} }))
}

function cluster(
  service: Service,
  port: ServicePort,
  subset: Subset | undefined,
  rule: KubeObject | undefined,
): Config {
  const name = clusterName(port.port, subset?.name ?? '', service.host)
  const policy = { ...rule?.['spec']?.trafficPolicy, ...subset?.trafficPolicy }
  return {
    name,
    ...discovery(service, port, name, subset?.labels ?? {}),
    connect_timeout: '10s',
    lb_policy: 'LEAST_REQUEST',
    circuit_breakers: CIRCUIT_BREAKERS,
    typed_extension_protocol_options: speaksHttp2(port) ? HTTP2_OPTIONS : undefined,
    metadata: {
      filter_metadata: {
        istio: { services: [{ host: service.host, name: service.name, namespace: service.namespace }] },
      },
    },
    ...trafficPolicy(policy, port.port),
  }
}

function discovery({ external }: Service, port: ServicePort, name: string, labels: Labels): Config {
  if (external?.resolution !== 'DNS')
    return { type: 'EDS', eds_cluster_config: { eds_config: ADS, service_name: name } }
  const endpoints = externalEndpoints(external, port).filter((endpoint) => matchesLabels(labels, endpoint.labels))
  // Left alone, a name with addresses of both families would be reached by IPv6 only, which many machines cannot.
  return {
    type: 'STRICT_DNS',
    dns_lookup_family: 'V4_PREFERRED',
    load_assignment: loadAssignment(name, endpoints),
  }
}

function loadAssignment(name: string, endpoints: readonly Endpoint[]): Config {
  const lbEndpoints = endpoints.map(({ address, port }) => ({
    endpoint: { address: { socket_address: { address, port_value: port } } },
    load_balancing_weight: 1,
  }))
  return { cluster_name: name, endpoints: lbEndpoints.length === 0 ? [] : [{ lb_endpoints: lbEndpoints }] }
}
