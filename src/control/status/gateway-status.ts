import type { Condition, KubeObject } from '../../kube/index.ts'
import { backendProblem, granted } from '../envoy/backends.ts'
import { deployedName, isAutomatic } from '../gateway/deployment.ts'
import {
  type Attachments,
  CONTROLLER_NAME,
  GATEWAY_GROUP,
  type ListenerState,
  type ParentState,
} from '../gateway/gateway-api.ts'
import type { Mesh } from '../model/mesh.ts'

// biome-ignore lint/suspicious/noExplicitAny: parts of objects that the API server has checked against their CRDs
type Part = Record<string, any>

function condition(type: string, ok: boolean, reason: string, message: string, object: KubeObject): Condition {
  const observedGeneration = object.metadata.generation
  return { type, status: ok ? 'True' : 'False', reason, message, observedGeneration }
}

/** The status of a GatewayClass that is ours. */
export function gatewayClassStatus(gatewayClass: KubeObject): object {
  return { conditions: [condition('Accepted', true, 'Accepted', 'Handled by Istio controller', gatewayClass)] }
}

/** What is known of the proxies that serve a Gateway. */
export interface GatewayServing {
  /** Connected proxies, and those of them that accepted their listeners. */
  readonly connected: number
  readonly programmed: number
  /** What was left out of their configuration. */
  readonly problems: readonly string[]
  /** Whether its Service leads to an instance that takes traffic. */
  readonly reachable: boolean
}

/** The status of a Gateway of the Gateway API. */
export function gatewayStatus(
  mesh: Mesh,
  gateway: KubeObject,
  { listeners }: Attachments,
  serving: GatewayServing,
  fallbackAddress: string | undefined,
): object {
  const addresses = gatewayAddresses(mesh, gateway, fallbackAddress)
  const own = listeners.filter((state) => state.gateway === gateway)
  const states = own.map((state) => listenerStatus(mesh, state))
  const valid = states.every(({ ok }) => ok)
  return {
    addresses: addresses.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? 'IPAddress' : 'Hostname', value })),
    conditions: [
      valid
        ? condition('Accepted', true, 'Accepted', 'Resource accepted', gateway)
        : condition(
            'Accepted',
            states.some(({ ok }) => ok),
            'ListenersNotValid',
            'some listeners are not valid',
            gateway,
          ),
      programmed(gateway, addresses, serving),
    ],
    listeners: states.map(({ status }) => status),
  }
}

function programmed(gateway: KubeObject, addresses: readonly string[], serving: GatewayServing): Condition {
  const no = (reason: string, message: string) => condition('Programmed', false, reason, message, gateway)
  if (addresses.length === 0) return no('AddressNotAssigned', 'the Service of the gateway has no address yet')
  const { connected, problems } = serving
  if (connected === 0) return no('Pending', 'no proxy of the gateway is connected')
  const counts = `${serving.programmed} of ${connected} proxies`
  if (serving.programmed < connected) return no('Pending', counts)
  if (!serving.reachable) return no('Pending', 'no instance of the gateway is ready')
  if (problems.length > 0) return no('Invalid', problems.join('; '))
  return condition('Programmed', true, 'Programmed', `Resource programmed on ${counts}`, gateway)
}

/** Where a Gateway is reached: at its Service's load balancer, else at what the machine has instead. */
function gatewayAddresses(mesh: Mesh, gateway: KubeObject, fallback: string | undefined): string[] {
  const { namespace = '' } = gateway.metadata
  const named: Part[] = gateway['spec']?.addresses ?? []
  const hostname: string | undefined = named.find(({ type }) => type === 'Hostname')?.['value']
  const key = isAutomatic(gateway) ? deployedName(gateway) : (hostname ?? '')
  const host = key.includes('.') ? key : `${key}.${namespace}.svc.${mesh.clusterDomain}`
  const service = mesh.services().get(host)
  if (service === undefined) return []
  if (service.addresses.length > 0) return [...service.addresses]
  if (!isAutomatic(gateway)) return [fallback ?? host]
  return service.clusterIP === undefined ? [] : [service.clusterIP]
}

function listenerStatus(mesh: Mesh, { gateway, listener, routes }: ListenerState): { ok: boolean; status: object } {
  const http = listener['protocol'] === 'HTTP' || listener['protocol'] === 'HTTPS'
  const refs = certificateProblem(mesh, gateway, listener)
  const kinds: Part[] = listener['allowedRoutes']?.kinds ?? []
  const badKind = kinds.find(
    (kind) => kind['kind'] !== 'HTTPRoute' || (kind['group'] ?? GATEWAY_GROUP) !== GATEWAY_GROUP,
  )
  const ok = http && refs === undefined && badKind === undefined
  const resolved =
    badKind !== undefined
      ? condition('ResolvedRefs', false, 'InvalidRouteKinds', `kind ${badKind['kind']} is not supported`, gateway)
      : condition(
          'ResolvedRefs',
          refs === undefined,
          refs?.reason ?? 'ResolvedRefs',
          refs?.message ?? 'No errors found',
          gateway,
        )
  const supported = kinds.length === 0 || kinds.some((kind) => kind !== badKind)
  return {
    ok,
    status: {
      name: listener['name'],
      attachedRoutes: routes.length,
      supportedKinds: http && supported ? [{ group: GATEWAY_GROUP, kind: 'HTTPRoute' }] : [],
      conditions: [
        http
          ? condition('Accepted', true, 'Accepted', 'No errors found', gateway)
          : condition(
              'Accepted',
              false,
              'UnsupportedProtocol',
              `protocol ${listener['protocol']} is not supported`,
              gateway,
            ),
        condition('Conflicted', false, 'NoConflicts', 'No errors found', gateway),
        condition(
          'Programmed',
          ok,
          ok ? 'Programmed' : 'Invalid',
          ok ? 'No errors found' : 'the listener is not valid',
          gateway,
        ),
        resolved,
      ],
    },
  }
}

function certificateProblem(
  mesh: Mesh,
  gateway: KubeObject,
  listener: Part,
): { reason: string; message: string } | undefined {
  if (listener['protocol'] !== 'HTTPS') return undefined
  const reference: Part | undefined = listener['tls']?.certificateRefs?.[0]
  if (reference === undefined) return { reason: 'InvalidCertificateRef', message: 'HTTPS needs tls.certificateRefs' }
  const own = gateway.metadata.namespace ?? ''
  const { kind = 'Secret', name, namespace = own } = reference
  if (kind !== 'Secret') return { reason: 'InvalidCertificateRef', message: `kind ${kind} is not supported` }
  if (namespace !== own && !granted(mesh, own, namespace, 'Gateway', 'Secret', name)) {
    return { reason: 'RefNotPermitted', message: `no ReferenceGrant allows secret ${namespace}/${name}` }
  }
  const data = mesh.get('secret', `${namespace}/${name}`)?.['data']
  if (data?.['tls.crt'] !== undefined && data['tls.key'] !== undefined) return undefined
  return {
    reason: 'InvalidCertificateRef',
    message: `secret ${namespace}/${name} with tls.crt and tls.key is not there`,
  }
}

/** Our entries of `status.parents`, beside those of other controllers. */
export function httpRouteStatus(mesh: Mesh, route: KubeObject, parents: readonly ParentState[]): object {
  const others = ((route['status']?.parents ?? []) as Part[]).filter(
    (entry) => entry['controllerName'] !== CONTROLLER_NAME,
  )
  const refs = backendsProblem(mesh, route)
  const ours = parents.map(({ parentRef, accepted }) => ({
    parentRef: { group: GATEWAY_GROUP, kind: 'Gateway', ...parentRef },
    controllerName: CONTROLLER_NAME,
    conditions: [
      condition('Accepted', accepted.ok, accepted.reason, accepted.message, route),
      condition(
        'ResolvedRefs',
        refs === undefined,
        refs?.reason ?? 'ResolvedRefs',
        refs?.message ?? 'All references resolved',
        route,
      ),
    ],
  }))
  return { parents: [...others, ...ours] }
}

function backendsProblem(mesh: Mesh, route: KubeObject): { reason: string; message: string } | undefined {
  const { namespace = '' } = route.metadata
  for (const rule of (route['spec']?.rules ?? []) as Part[]) {
    for (const backend of (rule['backendRefs'] ?? []) as Part[]) {
      const reason = backendProblem(mesh, backend, namespace)
      if (reason === undefined) continue
      return { reason, message: `backend ${backend['namespace'] ?? namespace}/${backend['name']}:${backend['port']}` }
    }
  }
  return undefined
}
