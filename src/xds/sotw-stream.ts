import { create } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import { type DiscoveryRequest, DiscoveryResponseSchema } from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { type Blame, blame } from './blame.ts'
import { CONTROL_PLANE_IDENTIFIER } from './extension-report.ts'
import type { AdsServerEvents, Connection, Outcome } from './server-events.ts'
import type { NodeSnapshot, TypeChange } from './snapshot.ts'
import { Subscription } from './subscription.ts'
import type { AdsServerStream } from './transport.ts'
import { isWholeState } from './type-urls.ts'

/** The server's side of one state-of-the-world stream. */
export class SotwStream {
  readonly connection: Connection
  readonly #stream: AdsServerStream
  readonly #events: AdsServerEvents
  readonly #snapshot: () => NodeSnapshot | undefined
  readonly #subscriptions = new Map<string, Subscription>()
  #nonce = 0

  constructor(
    connection: Connection,
    stream: AdsServerStream,
    events: AdsServerEvents,
    snapshot: () => NodeSnapshot | undefined,
  ) {
    this.connection = connection
    this.#stream = stream
    this.#events = events
    this.#snapshot = snapshot
  }

  onRequest(request: DiscoveryRequest): void {
    const { typeUrl, responseNonce, resourceNames, errorDetail } = request
    const known = this.#subscriptions.get(typeUrl)
    if (known === undefined) {
      // The first of this type on this stream. Its nonce, if any, is of a former stream and says nothing here.
      const subscription = new Subscription(typeUrl)
      this.#subscriptions.set(typeUrl, subscription)
      subscription.replaceNames(resourceNames)
      this.#respondAll(subscription)
      return
    }
    const answered = known.answered(responseNonce)
    let retry: Blame['retry'] = []
    if (answered !== undefined) {
      const outcome = { connection: this.connection, typeUrl, nonce: responseNonce, ...answered }
      if (errorDetail === undefined) this.#events.onAck?.(outcome)
      else retry = this.#refused(outcome, errorDetail.message)
    }
    for (const names of retry) this.#respond(known, names)
    // A newer response is on its way; the client will repeat its names when it answers that one. What it gives up is noted now: by
    // then it may want it again, and only as something new would it be sent.
    if (responseNonce !== '' && responseNonce !== known.nonce) {
      known.keepNames(resourceNames)
      return
    }
    const { added, removed } = known.replaceNames(resourceNames)
    if (added.length > 0) {
      if (isWholeState(typeUrl) || known.wildcard) this.#respondAll(known)
      else this.#respond(known, added)
    } else if (answered === undefined && removed.length === 0) {
      // Neither an answer nor a change: the client wants it again, as Envoy does for the endpoints of a cluster that it
      // warms anew.
      this.#respondAll(known)
    }
  }

  #refused(outcome: Outcome, error: string): Blame['retry'] {
    const { blamed, retry } = blame(outcome.typeUrl, outcome.names, error)
    this.#events.onNack?.({ ...outcome, error, blamed })
    return retry
  }

  onChange(change: TypeChange): void {
    const subscription = this.#subscriptions.get(change.typeUrl)
    if (subscription === undefined) return
    if (isWholeState(change.typeUrl)) {
      if (subscription.wildcard || touches(subscription, change)) this.#respondAll(subscription)
      return
    }
    // Of the other types a response may carry a part; what is absent stays as it was.
    const names = [...change.changed].filter((name) => subscription.wants(name))
    if (names.length > 0) this.#respond(subscription, names)
  }

  /** The node's first snapshot has come: answer what has been waiting for it. */
  onFirstSnapshot(typeUrl: string): void {
    const subscription = this.#subscriptions.get(typeUrl)
    if (subscription !== undefined) this.#respondAll(subscription)
  }

  #respondAll(subscription: Subscription): void {
    const all = this.#snapshot()?.type(subscription.typeUrl).resources
    if (all === undefined) return
    const names = subscription.wildcard ? [...all.keys()] : [...subscription.names]
    this.#respond(subscription, names)
  }

  #respond(subscription: Subscription, names: readonly string[]): void {
    const type = this.#snapshot()?.type(subscription.typeUrl)
    if (type === undefined) return
    const present: string[] = []
    const resources: Any[] = []
    let bytes = 0
    for (const name of names) {
      const found = type.resources.get(name)
      if (found === undefined) continue
      present.push(name)
      resources.push(found.resource)
      bytes += found.resource.value.length
    }
    // An empty answer means «there is none» for listeners and clusters, and nothing at all for the others.
    if (present.length === 0 && !isWholeState(subscription.typeUrl)) return
    const nonce = String(++this.#nonce)
    subscription.sent(nonce, type.version, present)
    this.#stream.send(
      create(DiscoveryResponseSchema, {
        typeUrl: subscription.typeUrl,
        versionInfo: type.version,
        nonce,
        resources,
        controlPlane: { identifier: CONTROL_PLANE_IDENTIFIER },
      }),
    )
    const { connection } = this
    this.#events.onPush?.({
      connection,
      typeUrl: subscription.typeUrl,
      version: type.version,
      nonce,
      names: present,
      bytes,
    })
  }
}

function touches(subscription: Subscription, change: TypeChange): boolean {
  for (const name of subscription.names) if (change.changed.has(name) || change.removed.has(name)) return true
  return false
}
