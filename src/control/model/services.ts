import type { KubeObject } from '../../kube/index.ts'
import type { Labels } from './workload.ts'

/** A port of a service. */
export interface ServicePort {
  readonly name: string
  readonly port: number
  readonly protocol: string
  /** A number, or the name of a container port. */
  readonly targetPort: number | string
  readonly appProtocol: string | undefined
}

/** A service of the cluster, or of a ServiceEntry. */
export interface Service {
  readonly name: string
  readonly namespace: string
  /** `name.namespace.svc.cluster.local`. */
  readonly host: string
  readonly ports: readonly ServicePort[]
  readonly selector: Labels | undefined
  /** Where its endpoints are found when not in EndpointSlices: by name, or as listed. */
  readonly external: ExternalEndpoints | undefined
  readonly headless: boolean
  readonly clusterIP: string | undefined
  /** Of its load balancer. */
  readonly addresses: readonly string[]
}

/** Where the hosts of a ServiceEntry are. */
export interface ExternalEndpoints {
  readonly resolution: 'DNS' | 'STATIC'
  readonly endpoints: readonly ExternalEndpoint[]
}

/** One of its endpoints. */
export interface ExternalEndpoint {
  readonly address: string
  /** By the name of the service's port; the port's own target otherwise. */
  readonly ports: Readonly<Record<string, number>>
  readonly labels: Labels
}

/** The services of a ServiceEntry, one for each host. Without a way to find endpoints (resolution NONE) there are none. */
export function readServiceEntry(object: KubeObject): Service[] {
  const { name, namespace = '' } = object.metadata
  const spec = object['spec'] ?? {}
  if (spec.resolution !== 'STATIC' && spec.resolution !== 'DNS') return []
  const ports: ServicePort[] = (spec.ports ?? []).map((port: Record<string, unknown>) => ({
    name: port['name'] ?? '',
    port: port['number'],
    protocol: 'TCP',
    targetPort: port['targetPort'] ?? port['number'],
    appProtocol: String(port['protocol'] ?? '').toLowerCase(),
  }))
  const listed: ExternalEndpoint[] = (spec.endpoints ?? []).map((endpoint: Partial<ExternalEndpoint>) => ({
    address: endpoint.address ?? '',
    ports: endpoint.ports ?? {},
    labels: endpoint.labels ?? {},
  }))
  return (spec.hosts ?? [])
    .filter((host: string) => !host.includes('*'))
    .map((host: string): Service => {
      const byName: ExternalEndpoint[] = [{ address: host, ports: {}, labels: {} }]
      const endpoints = listed.length === 0 && spec.resolution === 'DNS' ? byName : listed
      const external: ExternalEndpoints = { resolution: spec.resolution, endpoints }
      const rest = { selector: undefined, headless: false, clusterIP: undefined, addresses: [] }
      return { name, namespace, host, ports, external, ...rest }
    })
}

/** Reads a Service of Kubernetes. */
export function readService(object: KubeObject, clusterDomain: string): Service {
  const { name, namespace = '' } = object.metadata
  const spec = object['spec'] ?? {}
  const ports = (spec.ports ?? []).map((port: Record<string, unknown>) => ({
    name: port['name'] ?? '',
    port: port['port'],
    protocol: port['protocol'] ?? 'TCP',
    targetPort: port['targetPort'] ?? port['port'],
    appProtocol: port['appProtocol'],
  }))
  const ingress: { ip?: string; hostname?: string }[] = object['status']?.loadBalancer?.ingress ?? []
  return {
    name,
    namespace,
    host: `${name}.${namespace}.svc.${clusterDomain}`,
    ports,
    selector: spec.selector,
    external: spec.type === 'ExternalName' ? byName(spec.externalName) : undefined,
    headless: spec.clusterIP === 'None',
    clusterIP: spec.clusterIP === 'None' ? undefined : spec.clusterIP,
    addresses: ingress.map(({ ip, hostname }) => ip ?? hostname ?? '').filter((address) => address !== ''),
  }
}

function byName(address: string): ExternalEndpoints {
  return { resolution: 'DNS', endpoints: [{ address, ports: {}, labels: {} }] }
}

const HTTP2 = new Set(['grpc', 'grpc-web', 'http2', 'kubernetes.io/h2c', 'h2c'])

/** Whether a port speaks HTTP/2 without TLS: by appProtocol, or by the first part of its name (Istio's protocol selection). */
export function speaksHttp2(port: ServicePort): boolean {
  const protocol = port.appProtocol ?? port.name
  return HTTP2.has(protocol) || (port.appProtocol === undefined && /^(grpc|grpc-web|http2)-/.test(port.name))
}

/** A place that a service's port leads to. */
export interface Endpoint {
  readonly address: string
  readonly port: number
  /** Labels of the Pod behind it, for subsets. */
  readonly labels: Labels
}

/** The endpoints of a service port that are listed rather than discovered. */
export function externalEndpoints({ endpoints }: ExternalEndpoints, port: ServicePort): Endpoint[] {
  const target = typeof port.targetPort === 'number' ? port.targetPort : port.port
  return endpoints.map(({ address, ports, labels }) => ({ address, port: ports[port.name] ?? target, labels }))
}

/** The ready endpoints of a service port. `podLabels` looks a Pod up by `namespace/name`. */
export function endpointsOf(
  slices: readonly KubeObject[],
  portName: string,
  podLabels: (key: string) => Labels | undefined,
): Endpoint[] {
  const found: Endpoint[] = []
  for (const slice of slices) {
    const ports: { name?: string; port?: number }[] = slice['ports'] ?? []
    const port = ports.find((candidate) => (candidate.name ?? '') === portName)?.port
    if (port === undefined) continue
    for (const endpoint of slice['endpoints'] ?? []) {
      // Ready that is not set counts as true, as the API says.
      if (endpoint.conditions?.ready === false) continue
      const ref = endpoint.targetRef
      const labels = ref?.kind === 'Pod' ? podLabels(`${ref.namespace}/${ref.name}`) : undefined
      for (const address of endpoint.addresses ?? []) found.push({ address, port, labels: labels ?? {} })
    }
  }
  return found.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : a.port - b.port))
}
