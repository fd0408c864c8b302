import type { ResourceHandler } from './delivery.ts'
import { WILDCARD } from './resource-name.ts'

/** What a client wants of one type, and what it has; both outlive the stream. */
export class Watch {
  readonly typeUrl: string
  readonly handler: ResourceHandler
  readonly names = new Set<string>()
  /** Listeners and clusters: everything, asked for by giving no names. */
  wildcard = false
  /** Of the last response that was accepted. */
  version = ''
  /** Delta: the version of each resource that is in force. */
  readonly held = new Map<string, string>()
  /** What is wanted has changed, and no request has said so yet. */
  dirty = false
  /** Names that no request has asked for yet. */
  readonly added = new Set<string>()
  /** Names given up that no request has said yet; one that is wanted again is among `added`, too. */
  readonly left = new Set<string>()
  /** Responses are handled one after the other. */
  busy: Promise<void> | undefined

  constructor(typeUrl: string, handler: ResourceHandler) {
    this.typeUrl = typeUrl
    this.handler = handler
  }

  /** Something is wanted. */
  get wanted(): boolean {
    return this.wildcard || this.names.size > 0
  }

  wants(name: string): boolean {
    return this.wildcard || this.names.has(name)
  }

  add(name: string): void {
    if (this.names.has(name)) return
    this.names.add(name)
    this.added.add(name)
    this.dirty = true
  }

  addAll(): void {
    if (this.wildcard) return
    this.wildcard = true
    this.added.add(WILDCARD)
    this.dirty = true
  }

  delete(name: string): void {
    if (!this.names.delete(name)) return
    this.added.delete(name)
    this.left.add(name)
    this.held.delete(name)
    this.dirty = true
  }

  /** A request has said all of it. */
  said(): void {
    this.dirty = false
    this.added.clear()
    this.left.clear()
  }
}
