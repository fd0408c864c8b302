import type { JsonObject, JsonValue } from '@bufbuild/protobuf'

/** What a proxy is to its mesh. */
export type WorkloadType = 'router' | 'sidecar' | 'waypoint'

/** A connected proxy as the mesh sees it. */
export interface Workload {
  readonly nodeId: string
  readonly type: WorkloadType
  readonly ip: string
  readonly podName: string
  readonly namespace: string
  /** Of the Pod, as far as it is known, else what the node's own metadata says. */
  readonly labels: Readonly<Record<string, string>>
  /** `ISTIO_VERSION` of the metadata. */
  readonly version: string
  readonly metadata: JsonObject
  /** Whether secrets may be sent to it: not over a network in plain text, where anybody can claim to be any proxy. */
  readonly mayHaveSecrets: boolean
}

/** Labels of Kubernetes. */
export type Labels = Readonly<Record<string, string>>

/** A node as Istio's agent names it: `router~10.0.0.1~pod.namespace~namespace.svc.cluster.local`. */
export function parseNode(id: string, metadata: JsonObject): Workload | undefined {
  const [type, ip, pod, domain] = id.split('~')
  if (domain === undefined || (type !== 'router' && type !== 'sidecar' && type !== 'waypoint')) return undefined
  const dot = pod.lastIndexOf('.')
  const podName = dot === -1 ? pod : pod.slice(0, dot)
  const namespace = text(metadata['NAMESPACE']) ?? (dot === -1 ? domain.split('.')[0] : pod.slice(dot + 1))
  return {
    nodeId: id,
    type,
    ip,
    podName,
    namespace,
    labels: stringMap(metadata['LABELS']),
    version: text(metadata['ISTIO_VERSION']) ?? '',
    metadata,
    mayHaveSecrets: true,
  }
}

/** Whether every pair is among the labels; no pairs match everything. */
export function matchesLabels(selector: Labels, labels: Labels): boolean {
  for (const key in selector) if (labels[key] !== selector[key]) return false
  return true
}

function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function stringMap(value: JsonValue | undefined): Labels {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}
