import type { KubeObject } from '../../kube/index.ts'
import type { Mesh } from '../model/mesh.ts'
import { endpointsOf } from '../model/services.ts'
import { matchesLabels, type Workload } from '../model/workload.ts'

/** What a port of a gateway speaks. */
export type ServerProtocol = 'HTTP' | 'HTTPS' | 'TLS' | 'TCP'

/** TLS termination of a server. */
export interface ServerTls {
  readonly mode: string
  /** SDS names, `kubernetes://…`. */
  readonly credentialName: string | undefined
  readonly mutual: boolean
  readonly httpsRedirect: boolean
}

/** One port of one gateway on one proxy, from either API. */
export interface GatewayServer {
  /** `namespace/name` of the Gateway, with `#listener` for one of the Gateway API. */
  readonly gateway: string
  readonly api: 'istio' | 'gateway-api'
  readonly namespace: string
  /** As the user wrote it; VirtualServices match on it. */
  readonly port: number
  readonly portName: string
  /** Where the proxy listens: the target port of its Service. */
  readonly listenPort: number
  readonly bind: string
  readonly protocol: ServerProtocol
  readonly hosts: readonly ServerHost[]
  readonly tls: ServerTls | undefined
}

/** `dev/*.example.com`: a host, and the namespace whose routes may serve it. */
export interface ServerHost {
  /** `*` for any. */
  readonly namespace: string
  readonly host: string
}

/** Where a proxy listens for a port of its Service: the Service's target port, or that port itself. */
export function listenPort(mesh: Mesh, proxy: Workload, port: number): number {
  for (const service of mesh.services().values()) {
    if (service.namespace !== proxy.namespace || service.selector === undefined) continue
    if (Object.keys(service.selector).length === 0 || !matchesLabels(service.selector, proxy.labels)) continue
    const found = service.ports.find((candidate) => candidate.port === port)
    if (found === undefined) continue
    if (typeof found.targetPort === 'number') return found.targetPort
    // A named target port is resolved in the endpoints.
    const slices = mesh.slices(`${service.namespace}/${service.name}`)
    const endpoint = endpointsOf(slices, found.name, () => undefined)[0]
    if (endpoint !== undefined) return endpoint.port
  }
  return port
}

/** The servers of Istio Gateways that select this proxy, oldest Gateway first. */
export function istioServers(mesh: Mesh, proxy: Workload): GatewayServer[] {
  return mesh
    .all('istioGateway')
    .filter((gateway) => matchesLabels(gateway['spec']?.selector ?? {}, proxy.labels))
    .sort(byCreation)
    .flatMap((gateway) =>
      (gateway['spec']?.servers ?? []).map((server: Server) => readServer(mesh, proxy, gateway, server)),
    )
}

interface Server {
  port: { number: number; name?: string; protocol: string }
  hosts?: string[]
  bind?: string
  tls?: { mode?: string; credentialName?: string; httpsRedirect?: boolean }
}

function readServer(mesh: Mesh, proxy: Workload, gateway: KubeObject, server: Server): GatewayServer {
  const { name, namespace = '' } = gateway.metadata
  return {
    gateway: `${namespace}/${name}`,
    api: 'istio',
    namespace,
    port: server.port.number,
    portName: server.port.name ?? '',
    listenPort: listenPort(mesh, proxy, server.port.number),
    bind: server.bind === undefined || server.bind === '' ? '0.0.0.0' : server.bind,
    protocol: protocolOf(server.port.protocol),
    hosts: (server.hosts ?? []).map((host) => readHost(host, namespace)),
    tls: server.tls === undefined ? undefined : readTls(server.tls),
  }
}

function readTls(tls: NonNullable<Server['tls']>): ServerTls {
  const { mode = 'PASSTHROUGH', credentialName } = tls
  return {
    mode,
    credentialName: credentialName === undefined ? undefined : `kubernetes://${credentialName}`,
    mutual: mode === 'MUTUAL',
    httpsRedirect: tls.httpsRedirect === true,
  }
}

function readHost(text: string, namespace: string): ServerHost {
  const slash = text.indexOf('/')
  if (slash === -1) return { namespace: '*', host: text }
  const prefix = text.slice(0, slash)
  return { namespace: prefix === '.' ? namespace : prefix, host: text.slice(slash + 1) }
}

/** Protocols that an HTTP connection manager serves are HTTP here. */
function protocolOf(text: string): ServerProtocol {
  const upper = text.toUpperCase()
  if (upper === 'HTTPS' || upper === 'TLS' || upper === 'TCP') return upper
  return ['HTTP', 'HTTP2', 'GRPC', 'GRPC-WEB'].includes(upper) ? 'HTTP' : 'TCP'
}

/** Older first, then by name: who was there first wins, as in Istio. */
export function byCreation(a: KubeObject, b: KubeObject): number {
  return compare(age(a), age(b)) || compare(a.metadata.name, b.metadata.name) || compare(space(a), space(b))
}

function age(object: KubeObject): string {
  return object.metadata.creationTimestamp ?? ''
}

function space(object: KubeObject): string {
  return object.metadata.namespace ?? ''
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
