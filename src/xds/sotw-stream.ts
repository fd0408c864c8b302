import { create } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import {
  type DiscoveryRequest,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { CONTROL_PLANE_IDENTIFIER } from './extension-report.ts'
import { ServerStream } from './server-stream.ts'
import type { TypeChange } from './snapshot.ts'
import { Subscription } from './subscription.ts'
import { isWholeState } from './type-urls.ts'

/** The server's side of one state-of-the-world stream. */
export class SotwStream extends ServerStream<DiscoveryRequest, DiscoveryResponse, Subscription> {
  override onRequest(request: DiscoveryRequest): void {
    const { typeUrl, responseNonce, resourceNames } = request
    const known = this.subscriptions.get(typeUrl)
    if (known === undefined) {
      // The first of this type on this stream. Its nonce, if any, is of a former stream and says nothing here.
      const subscription = new Subscription(typeUrl)
      this.subscriptions.set(typeUrl, subscription)
      subscription.replaceNames(resourceNames)
      this.#respondAll(subscription)
      return
    }
    const retry = this.settle(known, request)
    for (const names of retry ?? []) this.#respond(known, names)
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
    } else if (retry === undefined && removed.length === 0) {
      // Neither an answer nor a change: the client wants it again, as Envoy does for the endpoints of a cluster that it
      // warms anew.
      this.#respondAll(known)
    }
  }

  override onChange(change: TypeChange): void {
    const subscription = this.subscriptions.get(change.typeUrl)
    if (subscription === undefined) return
    if (isWholeState(change.typeUrl)) {
      if (subscription.wildcard || touches(subscription, change)) this.#respondAll(subscription)
      return
    }
    // Of the other types a response may carry a part; what is absent stays as it was.
    const names = [...change.changed].filter((name) => subscription.wants(name))
    if (names.length > 0) this.#respond(subscription, names)
  }

  override onFirstSnapshot(typeUrl: string): void {
    const subscription = this.subscriptions.get(typeUrl)
    if (subscription !== undefined) this.#respondAll(subscription)
  }

  #respondAll(subscription: Subscription): void {
    const all = this.resources(subscription.typeUrl)?.resources
    if (all === undefined) return
    const names = subscription.wildcard ? [...all.keys()] : [...subscription.names]
    this.#respond(subscription, names)
  }

  #respond(subscription: Subscription, names: readonly string[]): void {
    const { typeUrl } = subscription
    const type = this.resources(typeUrl)
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
    if (present.length === 0 && !isWholeState(typeUrl)) return
    const { version } = type
    this.push(subscription, { version, names: present, bytes }, (nonce) =>
      create(DiscoveryResponseSchema, {
        typeUrl,
        versionInfo: version,
        nonce,
        resources,
        controlPlane: { identifier: CONTROL_PLANE_IDENTIFIER },
      }),
    )
  }
}

function touches(subscription: Subscription, change: TypeChange): boolean {
  for (const name of subscription.names) if (change.changed.has(name) || change.removed.has(name)) return true
  return false
}
