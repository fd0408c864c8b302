import type { KubeObject } from '../../kube/index.ts'
import type { Labels } from './workload.ts'

export interface ServicePort {
  readonly name: string
  readonly port: number
  readonly protocol: string
  /** A number, or the name of a container port. */
  readonly targetPort: number | string
  readonly appProtocol: string | undefined
}

export interface Service {
  readonly name: string
  readonly namespace: string
  /** `name.namespace.svc.cluster.local`. */
  readonly host: string
  readonly ports: readonly ServicePort[]
  readonly selector: Labels | undefined
  /** Of a Service of type ExternalName. */
  readonly externalName: string | undefined
  readonly headless: boolean
  readonly clusterIP: string | undefined
  /** Of its load balancer. */
  readonly addresses: readonly string[]
}

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
    externalName: spec.type === 'ExternalName' ? spec.externalName : undefined,
    headless: spec.clusterIP === 'None',
    clusterIP: spec.clusterIP === 'None' ? undefined : spec.clusterIP,
    addresses: ingress.map(({ ip, hostname }) => ip ?? hostname ?? '').filter((address) => address !== ''),
  }
}

const HTTP2 = new Set(['grpc', 'grpc-web', 'http2', 'kubernetes.io/h2c', 'h2c'])

/** Whether a port speaks HTTP/2 without TLS: by appProtocol, or by the first part of its name (Istio's protocol selection). */
export function speaksHttp2(port: ServicePort): boolean {
  const protocol = port.appProtocol ?? port.name
  return HTTP2.has(protocol) || (port.appProtocol === undefined && /^(grpc|grpc-web|http2)-/.test(port.name))
}

export interface Endpoint {
  readonly address: string
  readonly port: number
  /** Labels of the Pod behind it, for subsets. */
  readonly labels: Labels
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
