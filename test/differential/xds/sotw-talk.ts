import { create } from '@bufbuild/protobuf'
import { type Any, anyPack } from '@bufbuild/protobuf/wkt'
import {
  type DiscoveryRequest,
  DiscoveryResponseSchema,
  ResourceSchema,
} from '../../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import type { AdsServerStream } from '../../../src/xds/index.ts'
import { type HeldEntry, type Script, type Subscription, Talk } from './talk.ts'
import type { Entry, Kind } from './trial.ts'
import { TYPES, WHOLE } from './types.ts'

/** A state-of-the-world stream. */
export class SotwTalk extends Talk<DiscoveryRequest> {
  override readonly form = 'state of the world'
  readonly #stream: AdsServerStream
  readonly #pack: (kind: Kind, entry: Entry) => Any

  constructor(script: Script, stream: AdsServerStream, pack: (kind: Kind, entry: Entry) => Any) {
    super(script, stream)
    this.#stream = stream
    this.#pack = pack
  }

  protected override asked(
    kind: Kind,
    now: Subscription,
    { resourceNames, versionInfo }: DiscoveryRequest,
    first: boolean,
  ): void {
    now.version = versionInfo
    const added = resourceNames.filter((name) => !now.names.has(name))
    now.names.clear()
    for (const name of resourceNames) now.names.add(name)
    const { entries = [] } = this.script.held(kind) ?? {}
    const whole = first && WHOLE.has(kind)
    if (whole || entries.some(({ name }) => added.includes(name))) this.push(kind)
  }

  override push(kind: Kind): void {
    const held = this.script.held(kind)
    if (held === undefined) return
    const names = this.subscriptions.get(kind)?.names
    this.say(
      kind,
      held.version,
      held.entries.filter(({ name }) => WHOLE.has(kind) || names?.has(name) === true),
    )
  }

  override say(kind: Kind, version: string, entries: readonly HeldEntry[]): void {
    const subscription = this.subscriptions.get(kind)
    if (subscription === undefined) return
    if (!WHOLE.has(kind) && subscription.names.size === 0) return
    this.#stream.send(
      create(DiscoveryResponseSchema, {
        typeUrl: TYPES[kind],
        versionInfo: version,
        nonce: this.next(subscription),
        resources: entries.map((entry) => this.#packed(kind, entry)),
      }),
    )
  }

  #packed(kind: Kind, entry: Entry): Any {
    const resource = this.#pack(kind, entry)
    if (entry.wrapped !== true) return resource
    return anyPack(ResourceSchema, create(ResourceSchema, { name: entry.name, version: '1', resource }))
  }
}
