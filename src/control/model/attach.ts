import type { Extension, Mode, PluginType, TargetRef } from './extension.ts'
import { pluginType } from './extension.ts'
import { matchesLabels, type Workload } from './workload.ts'

const GATEWAY_NAME_LABEL = 'gateway.networking.k8s.io/gateway-name'
const WAYPOINT_CLASS = 'istio-waypoint'

/** A service that traffic of a waypoint is for. */
export interface AttachedService {
  /** The object's name. */
  readonly name: string
  readonly namespace: string
  readonly kind: 'Service' | 'ServiceEntry'
}

/** Which policies a proxy takes: selector and targetRefs of extensions and of EnvoyFilters. */
export interface Policy {
  readonly namespace: string
  readonly selector: Readonly<Record<string, string>> | undefined
  readonly targetRefs: readonly TargetRef[]
}

/** Istio's ShouldAttachPolicy. */
export function attaches(
  policy: Policy,
  proxy: Workload,
  rootNamespace: string,
  services: readonly AttachedService[] = [],
): boolean {
  const gatewayName = proxy.labels[GATEWAY_NAME_LABEL]
  const waypoint = proxy.type === 'waypoint'
  if (policy.targetRefs.length === 0) {
    // Neither a selector nor a mesh-wide policy reaches a waypoint.
    return !waypoint && (policy.selector === undefined || matchesLabels(policy.selector, proxy.labels))
  }
  if (gatewayName === undefined && !waypoint) return false
  return policy.targetRefs.some((ref) => refMatches(ref, policy, proxy, gatewayName, rootNamespace, services))
}

function refMatches(
  ref: TargetRef,
  policy: Policy,
  proxy: Workload,
  gatewayName: string | undefined,
  rootNamespace: string,
  services: readonly AttachedService[],
): boolean {
  const group = ref.group === 'core' ? '' : ref.group
  if (proxy.type === 'waypoint') {
    const kind = serviceKind(group, ref.kind)
    if (kind !== undefined) {
      return services.some(
        (service) => service.kind === kind && service.name === ref.name && service.namespace === policy.namespace,
      )
    }
    if (group === 'gateway.networking.k8s.io' && ref.kind === 'GatewayClass') {
      return policy.namespace === rootNamespace && ref.name === WAYPOINT_CLASS
    }
  }
  return (
    group === 'gateway.networking.k8s.io' &&
    ref.kind === 'Gateway' &&
    policy.namespace === proxy.namespace &&
    (ref.namespace === '' || ref.namespace === policy.namespace) &&
    ref.name === gatewayName
  )
}

function serviceKind(group: string, kind: string): AttachedService['kind'] | undefined {
  if (group === '' && kind === 'Service') return 'Service'
  if (group === 'networking.istio.io' && kind === 'ServiceEntry') return 'ServiceEntry'
  return undefined
}

/** The place in a proxy that an extension may be for. */
export interface ListenerInfo {
  /** What the listener is to the workload: requests that come in, or that go out. */
  readonly mode: Exclude<Mode, 'CLIENT_AND_SERVER'>
  /** 0: unknown, so a selector with ports does not match. */
  readonly port: number
  readonly services?: readonly AttachedService[]
}

/** Whether an extension of that type takes this traffic. No entry means all; else any entry whose mode and ports fit. */
function matchesTraffic(extension: Pick<Extension, 'match'>, listener: ListenerInfo): boolean {
  if (extension.match.length === 0) return true
  return extension.match.some(
    ({ mode, ports }) =>
      (mode === 'CLIENT_AND_SERVER' || mode === listener.mode) && (ports.length === 0 || ports.includes(listener.port)),
  )
}

/** A gateway forwards: for it, all traffic is a client's. */
export function gatewayListener(port: number): ListenerInfo {
  return { mode: 'CLIENT', port }
}

/** Whether an extension belongs into this place of this proxy. */
export function matchesListener(
  extension: Extension,
  proxy: Workload,
  rootNamespace: string,
  listener: ListenerInfo,
  chain: PluginType | 'ANY',
): boolean {
  return (
    (chain === 'ANY' || pluginType(extension) === chain) &&
    attaches(extension, proxy, rootNamespace, listener.services) &&
    matchesTraffic(extension, listener)
  )
}
