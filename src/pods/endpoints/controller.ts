import { type Informer, KubeApiError, type KubeClient, type KubeObject, keyOf } from '../../kube/index.ts'
import { ENDPOINT_SLICES, type Pod, type Service } from '../types.ts'
import { WorkQueue } from '../work-queue.ts'
import { SERVICE_LABEL, slicesOf } from './slices.ts'

/** Keeps the EndpointSlices of every Service that has a selector. Those that somebody else manages are not touched. */
export class EndpointsController {
  readonly #kube: KubeClient
  readonly #services: Informer<Service>
  readonly #pods: Informer<Pod>
  readonly #slices: Informer
  readonly #queue: WorkQueue

  /** `slices` must see only those with our {@link MANAGED_BY_LABEL}. */
  constructor(kube: KubeClient, services: Informer<Service>, pods: Informer<Pod>, slices: Informer) {
    this.#kube = kube
    this.#services = services
    this.#pods = pods
    this.#slices = slices
    this.#queue = new WorkQueue((key) => this.#reconcile(key).then(() => undefined))
  }

  /** Call when all informers are in sync. */
  start(): void {
    this.#services.onChange(({ object }) => this.#queue.add(keyOf(object)))
    this.#slices.onChange(({ object }) => {
      const service = object.metadata.labels?.[SERVICE_LABEL]
      if (service !== undefined) this.#queue.add(`${object.metadata.namespace}/${service}`)
    })
    this.#pods.onChange(({ object, old }) => {
      for (const service of this.#services.values()) {
        if (selects(service, object) || (old !== undefined && selects(service, old))) this.#queue.add(keyOf(service))
      }
    })
    for (const key of this.#services.store.keys()) this.#queue.add(key)
  }

  close(): void {
    this.#queue.close()
  }

  async #reconcile(key: string): Promise<void> {
    const service = this.#services.store.get(key)
    const wanted =
      service?.spec.selector === undefined || service.metadata.deletionTimestamp !== undefined
        ? []
        : slicesOf(service, this.#pods.values())
    const [namespace, name] = key.split('/')
    const stale = new Map(
      this.#slices
        .values()
        .filter((each) => each.metadata.namespace === namespace && each.metadata.labels?.[SERVICE_LABEL] === name)
        .map((each) => [each.metadata.name, each]),
    )
    for (const slice of wanted) {
      const known = stale.get(slice.metadata.name)
      stale.delete(slice.metadata.name)
      if (known === undefined || !sameContent(known, slice)) await this.#write(slice)
    }
    for (const { metadata } of stale.values()) {
      await this.#kube.delete(ENDPOINT_SLICES, { name: metadata.name, namespace }).catch(ignore('notFound'))
    }
  }

  async #write(slice: KubeObject): Promise<void> {
    const { endpoints, ports, metadata } = slice
    const change = {
      endpoints,
      ports,
      metadata: { labels: metadata.labels, ownerReferences: metadata.ownerReferences },
    }
    try {
      await this.#kube.patch(ENDPOINT_SLICES, metadata, 'merge', change)
    } catch (error) {
      if (!(error instanceof KubeApiError && error.notFound)) throw error
      await this.#kube.create(ENDPOINT_SLICES, slice)
    }
  }
}

function selects(service: Service, pod: Pod): boolean {
  if (service.metadata.namespace !== pod.metadata.namespace || service.spec.selector === undefined) return false
  return Object.entries(service.spec.selector).every(([key, value]) => pod.metadata.labels?.[key] === value)
}

function sameContent(a: KubeObject, b: KubeObject): boolean {
  const content = (slice: KubeObject) =>
    JSON.stringify([sorted(slice.metadata.labels), plain(slice['ports']), slice['endpoints']])
  return content(a) === content(b)
}

function sorted(labels: Record<string, string> = {}): [string, string][] {
  return Object.entries(labels).sort()
}

/** In one key order, whichever the server keeps. */
function plain(ports: { name?: string; port?: number; protocol?: string; appProtocol?: string }[] = []) {
  return ports.map(({ name, port, protocol, appProtocol }) => [name, port, protocol, appProtocol])
}

function ignore(what: 'notFound'): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof KubeApiError && error[what])) throw error
  }
}
