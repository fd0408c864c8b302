import type { KubeObject } from '../../kube/index.ts'
import { intersectHosts } from '../model/hosts.ts'
import type { Mesh } from '../model/mesh.ts'
import { matchesLabels, type Workload } from '../model/workload.ts'
import { byCreation, type GatewayServer, listenPort } from './server.ts'

/** The API group of the Gateway API. */
export const GATEWAY_GROUP = 'gateway.networking.k8s.io'
/** Istio's: its Gateways and classes are taken as they are. */
export const CONTROLLER_NAME = 'istio.io/gateway-controller'
/** By which the pods of a Gateway are found. */
export const GATEWAY_NAME_LABEL = 'gateway.networking.k8s.io/gateway-name'

// biome-ignore lint/suspicious/noExplicitAny: parts of objects that the API server has checked against their CRDs
type Part = Record<string, any>

/** A route at a listener, with those of its hosts that the listener takes. */
export interface AttachedRoute {
  readonly route: KubeObject
  readonly hosts: readonly string[]
}

/** A listener of a Gateway with the routes that it takes. */
export interface ListenerState {
  readonly gateway: KubeObject
  readonly listener: Part
  readonly routes: readonly AttachedRoute[]
}

/** A condition of a status, before it has a time. */
export interface Verdict {
  readonly ok: boolean
  readonly reason: string
  readonly message: string
}

/** What became of one parentRef of a route. */
export interface ParentState {
  readonly route: KubeObject
  readonly parentRef: Part
  readonly accepted: Verdict
}

/** Which routes the listeners of all Gateways take, and what has become of each reference of a route. */
export interface Attachments {
  readonly listeners: readonly ListenerState[]
  readonly parents: readonly ParentState[]
}

const ACCEPTED: Verdict = { ok: true, reason: 'Accepted', message: 'Route was valid' }

/** Which HTTPRoute goes to which listener, over all Gateways of classes that are ours. */
export function attachRoutes(mesh: Mesh): Attachments {
  return mesh.derive('attachments', ['gatewayClass', 'gateway', 'httpRoute', 'namespace'], () => compute(mesh))
}

/** The Gateways that this controller is for. */
export function ownGateways(mesh: Mesh): KubeObject[] {
  return mesh.all('gateway').filter((gateway) => {
    const name = gateway['spec']?.gatewayClassName
    const gatewayClass = mesh.get('gatewayClass', name)
    return gatewayClass?.['spec']?.controllerName === CONTROLLER_NAME
  })
}

function compute(mesh: Mesh): Attachments {
  const gateways = new Map(
    ownGateways(mesh).map((gateway) => [`${gateway.metadata.namespace}/${gateway.metadata.name}`, gateway]),
  )
  const routes = new Map<string, AttachedRoute[]>()
  const parents: ParentState[] = []
  for (const route of mesh.all('httpRoute').sort(byCreation)) {
    for (const parentRef of (route['spec']?.parentRefs ?? []) as Part[]) {
      if ((parentRef['group'] ?? GATEWAY_GROUP) !== GATEWAY_GROUP || (parentRef['kind'] ?? 'Gateway') !== 'Gateway')
        continue
      const key = `${parentRef['namespace'] ?? route.metadata.namespace}/${parentRef['name']}`
      const gateway = gateways.get(key)
      if (gateway === undefined) continue
      parents.push({ route, parentRef, accepted: attach(mesh, gateway, key, route, parentRef, routes) })
    }
  }
  const listeners: ListenerState[] = []
  for (const [key, gateway] of gateways) {
    for (const listener of (gateway['spec']?.listeners ?? []) as Part[]) {
      listeners.push({ gateway, listener, routes: routes.get(`${key}#${listener['name']}`) ?? [] })
    }
  }
  return { listeners, parents }
}

function attach(
  mesh: Mesh,
  gateway: KubeObject,
  key: string,
  route: KubeObject,
  parentRef: Part,
  routes: Map<string, AttachedRoute[]>,
): Verdict {
  const named = ((gateway['spec']?.listeners ?? []) as Part[]).filter(
    (listener) =>
      (parentRef['sectionName'] === undefined || parentRef['sectionName'] === listener['name']) &&
      (parentRef['port'] === undefined || parentRef['port'] === listener['port']),
  )
  if (named.length === 0) {
    const wanted = parentRef['sectionName'] ?? parentRef['port']
    return { ok: false, reason: 'NoMatchingParent', message: `Gateway ${key} has no listener «${wanted}»` }
  }
  const allowed = named.filter((listener) => allows(mesh, listener, gateway, route))
  if (allowed.length === 0) {
    const message = `no listener of Gateway ${key} allows an HTTPRoute from namespace ${route.metadata.namespace}`
    return { ok: false, reason: 'NotAllowedByListeners', message }
  }
  let attached = false
  for (const listener of allowed) {
    const hosts = commonHosts(listener['hostname'], route['spec']?.hostnames)
    if (hosts.length === 0) continue
    attached = true
    const id = `${key}#${listener['name']}`
    const list = routes.get(id) ?? []
    // Two parentRefs may name the same listener.
    if (!list.some((entry) => entry.route === route)) routes.set(id, [...list, { route, hosts }])
  }
  if (attached) return ACCEPTED
  const message = `no hostname of the route matches a listener of Gateway ${key}`
  return { ok: false, reason: 'NoMatchingListenerHostname', message }
}

function allows(mesh: Mesh, listener: Part, gateway: KubeObject, route: KubeObject): boolean {
  if (listener['protocol'] !== 'HTTP' && listener['protocol'] !== 'HTTPS') return false
  const { kinds, namespaces } = listener['allowedRoutes'] ?? {}
  const kindOk =
    kinds === undefined ||
    kinds.length === 0 ||
    kinds.some((kind: Part) => kind['kind'] === 'HTTPRoute' && (kind['group'] ?? GATEWAY_GROUP) === GATEWAY_GROUP)
  if (!kindOk) return false
  const from = namespaces?.from ?? 'Same'
  if (from === 'All') return true
  if (from === 'Same') return route.metadata.namespace === gateway.metadata.namespace
  return from === 'Selector' && selects(namespaces?.selector, mesh.namespaceLabels(route.metadata.namespace ?? ''))
}

function selects(selector: Part | undefined, labels: Readonly<Record<string, string>>): boolean {
  if (!matchesLabels(selector?.['matchLabels'] ?? {}, labels)) return false
  return ((selector?.['matchExpressions'] ?? []) as Part[]).every(({ key, operator, values = [] }) => {
    const value = labels[key]
    if (operator === 'Exists') return value !== undefined
    if (operator === 'DoesNotExist') return value === undefined
    const among = value !== undefined && values.includes(value)
    return operator === 'In' ? among : !among
  })
}

function commonHosts(listener: string | undefined, route: readonly string[] | undefined): string[] {
  const wanted = route === undefined || route.length === 0 ? ['*'] : route
  if (listener === undefined || listener === '') return [...wanted]
  return wanted.map((host) => intersectHosts(host, listener)).filter((host) => host !== undefined)
}

/** Whether a proxy serves a Gateway: deployed for it, or behind the Service that its `addresses` name. */
export function serves(mesh: Mesh, proxy: Workload, gateway: KubeObject): boolean {
  const { name, namespace } = gateway.metadata
  const addresses: Part[] = gateway['spec']?.addresses ?? []
  const hostname = addresses.find((address) => address['type'] === 'Hostname')?.['value']
  if (hostname === undefined) return proxy.labels[GATEWAY_NAME_LABEL] === name && proxy.namespace === namespace
  const host = hostname.includes('.') ? hostname : `${hostname}.${namespace}.svc.${mesh.clusterDomain}`
  const service = mesh.services().get(host)
  if (service?.selector === undefined) return false
  return service.namespace === proxy.namespace && matchesLabels(service.selector, proxy.labels)
}

/** The servers of Gateway API Gateways that this proxy serves. */
export function gatewayApiServers(mesh: Mesh, proxy: Workload): { server: GatewayServer; state: ListenerState }[] {
  return attachRoutes(mesh)
    .listeners.filter(({ gateway, listener }) => isHttp(listener) && serves(mesh, proxy, gateway))
    .map((state) => ({ server: toServer(mesh, proxy, state), state }))
}

function isHttp(listener: Part): boolean {
  return listener['protocol'] === 'HTTP' || listener['protocol'] === 'HTTPS'
}

function toServer(mesh: Mesh, proxy: Workload, { gateway, listener }: ListenerState): GatewayServer {
  const { name, namespace = '' } = gateway.metadata
  const certificate = listener['tls']?.certificateRefs?.[0]
  const secretNamespace = certificate?.namespace ?? namespace
  return {
    gateway: `${namespace}/${name}#${listener['name']}`,
    api: 'gateway-api',
    namespace,
    port: listener['port'],
    portName: listener['name'],
    listenPort: listenPort(mesh, proxy, listener['port']),
    bind: '0.0.0.0',
    protocol: listener['protocol'] === 'HTTPS' ? 'HTTPS' : 'HTTP',
    hosts: [{ namespace: '*', host: listener['hostname'] ?? '*' }],
    tls:
      certificate === undefined
        ? undefined
        : {
            mode: 'SIMPLE',
            credentialName: `kubernetes-gateway://${secretNamespace}/${certificate.name}`,
            mutual: false,
            httpsRedirect: false,
          },
  }
}
