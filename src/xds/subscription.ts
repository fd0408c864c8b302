import { WILDCARD } from './resource-name.ts'
import { isWholeState } from './type-urls.ts'

/** Of a client that never answers, no more than this is remembered. */
const MAX_UNANSWERED = 64

interface Sent {
  readonly version: string
  readonly names: readonly string[]
}

/** What one stream asked for of one type, and what it has yet to answer. */
export class Subscription {
  readonly typeUrl: string
  readonly names = new Set<string>()
  wildcard = false
  /** Of the newest response; '' before the first. */
  nonce = ''
  readonly #unanswered = new Map<string, Sent>()
  #named = false

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl
  }

  /**
   * State of the world: the request's names replace the former. No names at all mean everything for listeners and clusters,
   * until names have been given once; then they mean nothing (xDS protocol, "How the client specifies what resources to return").
   */
  replaceNames(requested: readonly string[]): { added: string[]; removed: string[] } {
    const wasWildcard = this.wildcard
    if (requested.length > 0) this.#named = true
    this.wildcard = requested.includes(WILDCARD) || (isWholeState(this.typeUrl) && !this.#named)
    const added = [...new Set(requested)].filter((name) => name !== WILDCARD && !this.names.has(name))
    const removed = this.keepNames(requested)
    for (const name of added) this.names.add(name)
    if (this.wildcard && !wasWildcard) added.push(WILDCARD)
    return { added, removed }
  }

  /** Gives up every name that is not among these; returns what was given up. */
  keepNames(requested: readonly string[]): string[] {
    const wanted = new Set(requested)
    const removed = [...this.names].filter((name) => !wanted.has(name))
    for (const name of removed) this.names.delete(name)
    return removed
  }

  /** Delta: names come and go. */
  addNames(requested: readonly string[]): void {
    for (const name of requested) {
      if (name === WILDCARD) this.wildcard = true
      else this.names.add(name)
    }
  }

  removeNames(requested: readonly string[]): void {
    for (const name of requested) {
      if (name === WILDCARD) this.wildcard = false
      else this.names.delete(name)
    }
  }

  wants(name: string): boolean {
    return this.wildcard || this.names.has(name)
  }

  sent(nonce: string, version: string, names: readonly string[]): void {
    this.nonce = nonce
    this.#unanswered.set(nonce, { version, names })
    if (this.#unanswered.size > MAX_UNANSWERED) this.#unanswered.delete(this.#unanswered.keys().next().value ?? '')
  }

  /** The response that this nonce answers for the first time. Undefined when it answers none, or again. */
  answered(nonce: string): Sent | undefined {
    const sent = this.#unanswered.get(nonce)
    if (sent === undefined) return undefined
    this.#unanswered.delete(nonce)
    return sent
  }
}
