import type { KubeClient, KubeObject } from '../kube/index.ts'
import { randomSuffix } from './names.ts'
import { EVENTS, NODE_NAME, timestamp } from './types.ts'

export interface Happening {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/**
 * Writes Events as `kubectl describe` shows them. One after the other in the background, and what happens again raises a count
 * instead of making a new object: they must never hold up or flood what they tell of.
 */
export class EventRecorder {
  readonly #kube: KubeClient
  readonly #known = new Map<string, { name: string; count: number }>()
  #last: Promise<void> = Promise.resolve()
  #closed = false

  constructor(kube: KubeClient) {
    this.#kube = kube
  }

  record(object: KubeObject, happening: Happening, component = 'kubelet'): void {
    this.#last = this.#last.then(() => this.#write(object, happening, component)).catch(() => {})
  }

  close(): void {
    this.#closed = true
  }

  async #write(object: KubeObject, { type, reason, message }: Happening, component: string): Promise<void> {
    if (this.#closed) return
    const { name, namespace = 'default', uid } = object.metadata
    const key = JSON.stringify([uid, type, reason, message])
    const now = timestamp()
    const known = this.#known.get(key)
    if (known !== undefined) {
      known.count++
      const change = { count: known.count, lastTimestamp: now }
      await this.#kube.patch(EVENTS, { name: known.name, namespace }, 'merge', change)
      return
    }
    // As client-go names them: the object and the time in hexadecimal.
    const event = `${name}.${Date.now().toString(16)}${randomSuffix()}`
    // Events of objects long gone are of no use for counting.
    if (this.#known.size >= 1000) this.#known.clear()
    this.#known.set(key, { name: event, count: 1 })
    await this.#kube.create(EVENTS, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: event, namespace },
      involvedObject: {
        apiVersion: object.apiVersion,
        kind: object.kind,
        name,
        namespace,
        uid,
        resourceVersion: object.metadata.resourceVersion,
      },
      type,
      reason,
      message,
      source: { component, host: NODE_NAME },
      reportingComponent: component,
      reportingInstance: NODE_NAME,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    })
  }
}
