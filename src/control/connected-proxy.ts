import { type Connection, type Resources, TypeUrl } from '../xds/index.ts'
import type { Packer } from './envoy/config.ts'
import { type Generated, generate } from './generate.ts'
import type { Mesh } from './model/mesh.ts'
import { parseNode, type Workload } from './model/workload.ts'
import { DeliveryLog } from './status/delivery.ts'

const EMPTY: Generated = { resources: {}, extensions: [], problems: [], broken: [], patches: new Map() }

/** Versions whose answers are waited for; most have none to wait for, since nothing changed. */
const MAX_OPEN = 16

/** A connected proxy. */
export class ConnectedProxy {
  readonly nodeId: string
  readonly delivery = new DeliveryLog()
  readonly connections = new Set<Connection>()
  workload: Workload | undefined
  generated: Generated = EMPTY
  /** By version: when the change was seen, and how many responses of it are unanswered. */
  readonly #open = new Map<string, { readonly since: number; responses: number }>()

  constructor(nodeId: string) {
    this.nodeId = nodeId
  }

  /** `pod.namespace`, as people know it. */
  get name(): string {
    return this.workload === undefined ? this.nodeId : `${this.workload.podName}.${this.workload.namespace}`
  }

  /** A version is about to go out for a change that was seen at `since`. */
  pushing(version: string, since: number): void {
    this.#open.set(version, { since, responses: 0 })
    if (this.#open.size > MAX_OPEN) this.#open.delete(this.#open.keys().next().value ?? '')
  }

  sent(version: string): void {
    const known = this.#open.get(version)
    if (known !== undefined) known.responses++
  }

  /** A response was answered. Returns how long it took, in milliseconds, when it was the last of its version. */
  answered(version: string): number | undefined {
    const known = this.#open.get(version)
    if (known === undefined || --known.responses > 0) return undefined
    this.#open.delete(version)
    return performance.now() - known.since
  }

  /** Brings the workload and its configuration up to date; returns what to send. */
  refresh(mesh: Mesh, packer: Packer): Resources {
    const [connection] = this.connections
    if (connection === undefined) return this.generated.resources
    const known = parseNode(this.nodeId, connection.metadata)
    if (known === undefined) return this.generated.resources
    const labels = mesh.podLabels(`${known.namespace}/${known.podName}`)
    this.workload = { ...known, labels: labels ?? known.labels, mayHaveSecrets: connection.local }
    const before = this.generated.resources[TypeUrl.extension]
    this.generated = generate(mesh, this.workload, packer, this.generated.resources)
    const after = this.generated.resources[TypeUrl.extension]
    this.delivery.retain(TypeUrl.extension, new Set(after?.keys()))
    this.delivery.expect(TypeUrl.extension, changedNames(before, after))
    for (const { typeUrl, name, message } of this.generated.broken) this.delivery.fail(typeUrl, name, message)
    return this.generated.resources
  }
}

function changedNames(before: Resources[string] | undefined, after: Resources[string] | undefined): string[] {
  return [...(after ?? [])].filter(([name, any]) => before?.get(name) !== any).map(([name]) => name)
}
