import type { AdsClient, NamedResource, RejectedResource } from '../../xds/index.ts'

/** Who takes the resources of a type that are asked for by name. */
export interface AskedUpdates {
  /** Puts them into force; returns what it refuses, which leaves in force what was there before. */
  apply(resources: readonly NamedResource[]): Promise<RejectedResource[]>
  /** The server says that there are none of these. What is in force stays, as in Envoy; without it those are waited for as before. */
  absent?(names: readonly string[]): Promise<void>
  /** Nobody asks for this one any more; it may come again. */
  forget(name: string): void
}

/** Asks for those resources of a type that others name, and takes only what is still asked for. */
export class Subscription {
  readonly #typeUrl: string
  readonly #updates: AskedUpdates
  #ads: AdsClient | undefined

  constructor(typeUrl: string, updates: AskedUpdates) {
    this.#typeUrl = typeUrl
    this.#updates = updates
  }

  /** Before that nobody is asked. */
  connect(ads: AdsClient): void {
    this.#ads = ads
  }

  /** The names that are asked for. */
  get names(): ReadonlySet<string> {
    return this.#ads?.subscribed(this.#typeUrl) ?? NONE
  }

  /** Asks for these names and for no others; returns those that are new. */
  keep(wanted: ReadonlySet<string>): readonly string[] {
    if (this.#ads === undefined) return []
    const present = this.names
    const added = [...wanted].filter((name) => !present.has(name))
    const removed = [...present].filter((name) => !wanted.has(name))
    if (added.length > 0) this.#ads.subscribe(this.#typeUrl, added)
    if (removed.length > 0) this.#ads.unsubscribe(this.#typeUrl, removed)
    for (const name of removed) this.#updates.forget(name)
    return added
  }

  /** Takes a response; returns what is refused. */
  async take(
    resources: readonly NamedResource[],
    removed: readonly string[] = [],
  ): Promise<readonly RejectedResource[]> {
    // What was asked for once and may still come is of no use, and would be there for who asks later.
    const asked = resources.filter(({ name }) => this.names.has(name))
    const absent = removed.filter((name) => this.names.has(name))
    const rejects = [...refuseUnnamed(resources), ...(await this.#updates.apply(asked))]
    if (absent.length > 0) await this.#updates.absent?.(absent)
    // What was asked for when it came, and is not any more.
    for (const name of [...asked.map((one) => one.name), ...absent])
      if (!this.names.has(name)) this.#updates.forget(name)
    return rejects
  }
}

const NONE: ReadonlySet<string> = new Set()

/** Nobody can have asked for those. */
function refuseUnnamed(resources: readonly NamedResource[]): RejectedResource[] {
  return resources.flatMap(({ name }) => (name === '' ? [{ name, reason: 'it has no name that can be read' }] : []))
}
