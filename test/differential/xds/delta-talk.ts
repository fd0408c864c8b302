import { create } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryResponseSchema,
  ResourceSchema,
} from '../../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import type { DeltaAdsServerStream } from '../../../src/xds/index.ts'
import { type HeldEntry, type Script, type Subscription, Talk } from './talk.ts'
import type { Entry, Kind } from './trial.ts'
import { TYPES, WHOLE } from './types.ts'

/** A delta stream. */
export class DeltaTalk extends Talk<DeltaDiscoveryRequest> {
  override readonly form = 'delta'
  readonly #stream: DeltaAdsServerStream
  readonly #pack: (kind: Kind, entry: Entry) => Any
  /** By name what the client was told last; of what it had before, the version. */
  readonly #told = new Map<Kind, Map<string, string>>()

  constructor(script: Script, stream: DeltaAdsServerStream, pack: (kind: Kind, entry: Entry) => Any) {
    super(script, stream)
    this.#stream = stream
    this.#pack = pack
  }

  protected override asked(
    kind: Kind,
    { names }: Subscription,
    { resourceNamesSubscribe, resourceNamesUnsubscribe, initialResourceVersions }: DeltaDiscoveryRequest,
    first: boolean,
  ): void {
    const told = this.#toldOf(kind)
    for (const [name, version] of Object.entries(initialResourceVersions)) told.set(name, version)
    for (const name of resourceNamesUnsubscribe) {
      names.delete(name)
      told.delete(name)
    }
    for (const name of resourceNamesSubscribe) {
      names.add(name)
      // A name that is subscribed is told of in any case, unless the client has just said what it has.
      if (initialResourceVersions[name] === undefined) told.set(name, UNTOLD)
    }
    if ((first && WHOLE.has(kind)) || resourceNamesSubscribe.length > 0) this.#tell(kind, this.#changes(kind), first)
  }

  override push(kind: Kind, again: boolean): void {
    const told = this.#toldOf(kind)
    if (again) for (const name of told.keys()) told.set(name, UNTOLD)
    this.#tell(kind, this.#changes(kind), false)
  }

  override say(kind: Kind, version: string, entries: readonly HeldEntry[]): void {
    this.#tell(kind, { version, entries, removed: [] }, false)
  }

  #changes(kind: Kind): Changes {
    const { version, entries } = this.script.held(kind) ?? { version: '', entries: [] }
    const names = this.subscriptions.get(kind)?.names
    const told = this.#toldOf(kind)
    const wanted = entries.filter(({ name }) => WHOLE.has(kind) || names?.has(name) === true)
    const changed = wanted.filter(
      (entry) => told.get(entry.name) !== entry.version && told.get(entry.name) !== key(entry),
    )
    const removed = [...told.keys()].filter((name) => !entries.some((entry) => entry.name === name))
    return { version, entries: changed, removed }
  }

  #tell(kind: Kind, { version, entries, removed }: Changes, evenIfEmpty: boolean): void {
    const subscription = this.subscriptions.get(kind)
    if (subscription === undefined) return
    if (!WHOLE.has(kind) && subscription.names.size === 0) return
    if (entries.length === 0 && removed.length === 0 && !evenIfEmpty) return
    const told = this.#toldOf(kind)
    for (const entry of entries) told.set(entry.name, key(entry))
    for (const name of removed) told.delete(name)
    this.#stream.send(
      create(DeltaDiscoveryResponseSchema, {
        typeUrl: TYPES[kind],
        systemVersionInfo: version,
        nonce: this.next(subscription),
        resources: entries.map((entry) =>
          create(ResourceSchema, { name: entry.name, version: entry.version, resource: this.#pack(kind, entry) }),
        ),
        removedResources: [...removed],
      }),
    )
  }

  #toldOf(kind: Kind): Map<string, string> {
    const told = this.#told.get(kind) ?? new Map<string, string>()
    this.#told.set(kind, told)
    return told
  }
}

interface Changes {
  readonly version: string
  readonly entries: readonly HeldEntry[]
  readonly removed: readonly string[]
}

const UNTOLD = ' '

/** Another content may come under the same version. */
function key({ version, body }: HeldEntry): string {
  return `${version} ${JSON.stringify(body)}`
}
