import type { KubeObject } from '../../kube/index.ts'
import { contentHash } from '../names.ts'
import { isFinished, isReady, NODE_NAME, type Pod, type Service, type ServicePort } from '../types.ts'

export const SERVICE_LABEL = 'kubernetes.io/service-name'
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by'
export const MANAGER = 'endpointslice-controller.k8s.io'

/** A place that serves a port of a Service. */
export interface Address {
  readonly ip: string
  readonly port: number
}

/**
 * The EndpointSlices of a Service: one for each way in which its target ports come out, because a named port may differ from
 * Pod to Pod. Their names follow from that, so that a restart finds its own again.
 */
export function slicesOf(service: Service, pods: readonly Pod[]): KubeObject[] {
  const { name, namespace, uid, labels } = service.metadata
  const groups = new Map<string, { ports: unknown[]; endpoints: unknown[] }>()
  // A Service without Pods still has a slice: it says that somebody looked.
  const ports = (service.spec.ports ?? []).filter((port) => typeof port.targetPort !== 'string')
  groups.set(keyOfPorts(service, undefined), { ports: ports.map((port) => portOf(port, numeric(port))), endpoints: [] })
  for (const pod of selected(service, pods)) {
    if (pod.status?.podIP === undefined || isFinished(pod)) continue
    const key = keyOfPorts(service, pod)
    let group = groups.get(key)
    if (group === undefined) {
      group = { ports: resolved(service, pod).map(([port, number]) => portOf(port, number)), endpoints: [] }
      groups.set(key, group)
    }
    group.endpoints.push(endpointOf(service, pod, pod.status.podIP))
  }
  if (groups.size > 1) {
    const empty = keyOfPorts(service, undefined)
    if (groups.get(empty)?.endpoints.length === 0) groups.delete(empty)
  }
  return [...groups].map(([key, { ports: slicePorts, endpoints }]) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${contentHash([uid, key]).slice(-5)}`,
      namespace,
      labels: {
        ...labels,
        [MANAGED_BY_LABEL]: MANAGER,
        [SERVICE_LABEL]: name,
        ...(service.spec.clusterIP === 'None' ? { 'service.kubernetes.io/headless': '' } : {}),
      },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Service', name, uid: uid ?? '', controller: true, blockOwnerDeletion: true },
      ],
    },
    addressType: 'IPv4',
    ports: slicePorts,
    endpoints,
  }))
}

/** The addresses behind one port of a Service that take new requests now. */
export function readyAddresses(service: Service, portNumber: number, pods: readonly Pod[]): Address[] {
  const addresses: Address[] = []
  for (const pod of selected(service, pods)) {
    const ip = pod.status?.podIP
    const usable = service.spec.publishNotReadyAddresses === true || (isReady(pod) && !isTerminating(pod))
    if (ip === undefined || isFinished(pod) || !usable) continue
    const found = resolved(service, pod).find(([port]) => port.port === portNumber)
    if (found !== undefined) addresses.push({ ip, port: found[1] })
  }
  return addresses
}

function selected(service: Service, pods: readonly Pod[]): Pod[] {
  const wanted = Object.entries(service.spec.selector ?? {})
  return pods.filter(
    (pod) =>
      pod.metadata.namespace === service.metadata.namespace &&
      wanted.every(([key, value]) => pod.metadata.labels?.[key] === value),
  )
}

/** Service ports with the number that each has at this Pod; a name that the Pod does not know is left out. */
function resolved(service: Service, pod: Pod): [ServicePort, number][] {
  const found: [ServicePort, number][] = []
  for (const port of service.spec.ports ?? []) {
    const number = typeof port.targetPort === 'string' ? namedPort(pod, port.targetPort) : numeric(port)
    if (number !== undefined) found.push([port, number])
  }
  return found
}

function numeric(port: ServicePort): number {
  return typeof port.targetPort === 'number' && port.targetPort !== 0 ? port.targetPort : port.port
}

function namedPort(pod: Pod, name: string): number | undefined {
  for (const container of pod.spec.containers) {
    const port = container.ports?.find((each) => each.name === name)
    if (port !== undefined) return port.containerPort
  }
  return undefined
}

function keyOfPorts(service: Service, pod: Pod | undefined): string {
  const ports =
    pod === undefined
      ? (service.spec.ports ?? []).flatMap((port) =>
          typeof port.targetPort === 'string' ? [] : [[port.name, numeric(port)]],
        )
      : resolved(service, pod).map(([port, number]) => [port.name, number])
  return JSON.stringify(ports)
}

function portOf(port: ServicePort, number: number) {
  return {
    name: port.name ?? '',
    port: number,
    protocol: port.protocol ?? 'TCP',
    ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
  }
}

function endpointOf(service: Service, pod: Pod, ip: string) {
  const terminating = isTerminating(pod)
  const serving = service.spec.publishNotReadyAddresses === true || isReady(pod)
  const { name, namespace, uid } = pod.metadata
  return {
    addresses: [ip],
    conditions: { ready: serving && !terminating, serving, terminating },
    nodeName: pod.spec.nodeName ?? NODE_NAME,
    targetRef: { kind: 'Pod', name, namespace, uid },
  }
}

function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined
}
