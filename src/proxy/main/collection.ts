import type { Message } from '@bufbuild/protobuf'
import type { GenMessage } from '@bufbuild/protobuf/codegenv2'
import type { NamedResource, RejectedResource } from '../../xds/index.ts'
import { type Delivered, decodeAll, delivered, same } from './delivered.ts'
import type { FieldWatch } from './field-watch.ts'

/** Who takes the resources of a type of which all are asked for. */
export interface CollectedUpdates<T> {
  /** Of all, in force or not yet. */
  readonly names: ReadonlySet<string>
  /** The one that was delivered last. */
  latest(name: string): T | undefined
  /** Puts it into force, now or when what it needs has come; or says why it is refused. */
  add(resource: Delivered<T>): Promise<string | undefined>
  remove(names: readonly string[]): Promise<void>
  /** A response is there that can be read, with these. */
  beginUpdate?(coming: readonly T[]): void
  /** All of it has been added. */
  endUpdate?(): void
}

/** What there is to know of such a type. */
interface CollectionSettings<T extends Message> {
  readonly schema: GenMessage<T>
  /** For people. */
  readonly kind: 'cluster' | 'listener'
  /** Where a resource stands, for what is told of its fields. */
  readonly path: (proto: T) => string
  /** What goes makes room for what comes. */
  readonly removesFirst: boolean
  /** Is done to each resource before anybody looks at it. */
  readonly arrived?: (proto: T) => void
}

/** The resources of a type of which all are asked for (CDS, LDS), beside those of the bootstrap, which no response changes. */
export class Collection<T extends Message & { readonly name: string }> {
  readonly #settings: CollectionSettings<T>
  readonly #updates: CollectedUpdates<T>
  readonly #fields: FieldWatch
  readonly #static = new Set<string>()
  /** Of the last response that changed something. */
  version = ''

  constructor(settings: CollectionSettings<T>, updates: CollectedUpdates<T>, fields: FieldWatch) {
    this.#settings = settings
    this.#updates = updates
    this.#fields = fields
  }

  /** Adds one of the bootstrap; says why it is refused. */
  addStatic(proto: T): Promise<string | undefined> {
    this.#static.add(proto.name)
    return this.#add(delivered(proto, ''))
  }

  /**
   * Takes a response; returns what is refused. `removed`: what has gone, where the response tells only of changes; undefined: it is the whole
   * state.
   */
  async take(
    resources: readonly NamedResource[],
    version: string,
    removed: readonly string[] | undefined,
  ): Promise<readonly RejectedResource[]> {
    const { schema, kind, removesFirst, arrived } = this.#settings
    const { read, unread } = decodeAll(schema, resources)
    if (unread.length > 0 && removed === undefined) return unread
    this.#updates.beginUpdate?.(read.map(({ proto }) => proto))
    const told = new Set(read.map(({ proto }) => proto.name))
    if (removesFirst) await this.#remove(told, removed, version)
    const rejects = [...unread]
    const seen = new Set<string>()
    for (const { proto, version: own } of read) {
      const { name } = proto
      if (seen.has(name)) rejects.push({ name, reason: 'there are several of this name' })
      else if (this.#static.has(name)) rejects.push({ name, reason: `a static ${kind} has this name` })
      else {
        arrived?.(proto)
        if (!same(this.#updates.latest(name), proto, schema)) {
          const reason = await this.#add(delivered(proto, own))
          if (reason !== undefined) rejects.push({ name, reason })
          else this.version = version
        }
      }
      seen.add(name)
    }
    if (!removesFirst) await this.#remove(told, removed, version)
    this.#updates.endUpdate?.()
    return rejects
  }

  async #remove(told: ReadonlySet<string>, removed: readonly string[] | undefined, version: string): Promise<void> {
    const { names } = this.#updates
    const absent = removed ?? [...names].filter((name) => !told.has(name))
    const gone = absent.filter((name) => names.has(name) && !this.#static.has(name))
    await this.#updates.remove(gone)
    if (gone.length > 0) this.version = version
  }

  #add(resource: Delivered<T>): Promise<string | undefined> {
    const { schema, path } = this.#settings
    this.#fields.look(schema, resource.proto, path(resource.proto))
    return this.#updates.add(resource)
  }
}
