import { Backoff, sleep } from '../base/backoff.ts'
import { messageOf } from '../errors.ts'
import { type Change, Informer, KubeApiError, type KubeClient, type KubeObject, pathOf } from '../kube/index.ts'
import { logger } from '../telemetry/log.ts'
import { type KindName, Kinds } from './kinds.ts'
import type { Stores } from './model/mesh.ts'

const log = logger('control')

/** How often it is looked whether a kind that the API server did not know is served by now. */
const LOOK_AGAIN_MS = 10_000

/**
 * Informers of every kind the control plane reads. A kind that the API server does not serve (no CRD) counts as empty until it does.
 */
export class Watches {
  readonly stores: Stores
  readonly #kube: KubeClient
  readonly #informers: Readonly<Record<KindName, Informer>>
  #timer: NodeJS.Timeout | undefined
  readonly #stop = new AbortController()

  constructor(kube: KubeClient, onChange: (kind: KindName, change: Change<KubeObject>) => void) {
    this.#kube = kube
    const made = Object.entries(Kinds).map(([name, type]) => {
      const kind = name as KindName
      return [kind, new Informer(kube, type).onChange((change) => onChange(kind, change))]
    })
    this.#informers = Object.fromEntries(made)
    this.stores = Object.fromEntries(Object.entries(this.#informers).map(([name, { store }]) => [name, store]))
  }

  /** Resolves when all kinds that are served have been listed. */
  async start(): Promise<void> {
    const missing = await this.#startServed(Object.keys(Kinds) as KindName[])
    if (missing.length > 0) {
      log.info({ missing }, 'the API server does not serve these kinds yet; they count as empty')
      this.#lookAgain(missing)
    }
  }

  stop(): void {
    this.#stop.abort()
    clearTimeout(this.#timer)
    for (const informer of Object.values(this.#informers)) informer.stop()
  }

  async #startServed(names: readonly KindName[]): Promise<KindName[]> {
    const groups = new Map<string, Promise<ReadonlySet<string>>>()
    const served = await Promise.all(names.map((name) => this.#isServed(name, groups)))
    await Promise.all(names.filter((_, i) => served[i]).map((name) => this.#informers[name].start()))
    return names.filter((_, i) => !served[i])
  }

  async #isServed(name: KindName, groups: Map<string, Promise<ReadonlySet<string>>>): Promise<boolean> {
    const type = Kinds[name]
    const root = pathOf({ ...type, plural: '' }).replace(/\/$/, '')
    const known = groups.get(root) ?? this.#plurals(root)
    groups.set(root, known)
    return (await known).has(type.plural)
  }

  async #plurals(root: string): Promise<ReadonlySet<string>> {
    const backoff = new Backoff({ initialMs: 100, maxMs: 10_000 })
    while (!this.#stop.signal.aborted) {
      try {
        const list = await this.#kube.request('GET', root)
        return new Set((list.resources ?? []).map((resource: { name: string }) => resource.name))
      } catch (error) {
        // Only the server's own word means that there is none: proxies must not lose their configuration to an outage.
        if (error instanceof KubeApiError && error.notFound) break
        log.warn({ path: root, error: messageOf(error) }, 'the API server cannot be asked what it serves; trying again')
        await sleep(backoff.next(), this.#stop.signal).catch(() => {})
      }
    }
    return new Set()
  }

  #lookAgain(names: readonly KindName[]): void {
    this.#timer = setTimeout(async () => {
      const missing = await this.#startServed(names)
      if (missing.length > 0 && !this.#stop.signal.aborted) this.#lookAgain(missing)
    }, LOOK_AGAIN_MS)
    this.#timer.unref()
  }
}
