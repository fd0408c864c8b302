import { create } from '@bufbuild/protobuf'
import {
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  type Resource,
  ResourceSchema,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { CONTROL_PLANE_IDENTIFIER } from './extension-report.ts'
import { ServerStream } from './server-stream.ts'
import type { TypeChange } from './snapshot.ts'
import { Subscription } from './subscription.ts'
import { isWholeState } from './type-urls.ts'

class DeltaSubscription extends Subscription {
  /** The version of each resource that the client holds. */
  readonly held = new Map<string, string>()
}

/** The server's side of one delta stream. */
export class DeltaStream extends ServerStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse, DeltaSubscription> {
  override onRequest(request: DeltaDiscoveryRequest): void {
    const { typeUrl, resourceNamesSubscribe, resourceNamesUnsubscribe } = request
    let subscription = this.subscriptions.get(typeUrl)
    const first = subscription === undefined
    if (subscription === undefined) {
      subscription = new DeltaSubscription(typeUrl)
      this.subscriptions.set(typeUrl, subscription)
      subscription.wildcard = isWholeState(typeUrl) && resourceNamesSubscribe.length === 0
      for (const [name, version] of Object.entries(request.initialResourceVersions))
        subscription.held.set(name, version)
    }
    for (const names of this.settle(subscription, request) ?? []) {
      for (const name of names) subscription.held.delete(name)
      this.#respond(subscription, names, false)
    }
    subscription.addNames(resourceNamesSubscribe)
    subscription.removeNames(resourceNamesUnsubscribe)
    for (const name of resourceNamesUnsubscribe) subscription.held.delete(name)
    // A name asked for again is sent again, held or not, unless the client has just said that it holds it.
    if (!first) for (const name of resourceNamesSubscribe) subscription.held.delete(name)
    // What is dropped by name but still covered by the wildcard has to come again.
    const stillCovered = subscription.wildcard && resourceNamesUnsubscribe.length > 0
    if (first || stillCovered || resourceNamesSubscribe.length > 0) {
      const ask = subscription.wildcard ? undefined : resourceNamesSubscribe
      this.#respond(subscription, ask, first && subscription.wildcard)
    }
  }

  override onChange(change: TypeChange): void {
    const subscription = this.subscriptions.get(change.typeUrl)
    if (subscription === undefined) return
    const names = [...change.changed, ...change.removed].filter((name) => subscription.wants(name))
    if (names.length > 0) this.#respond(subscription, names, false)
  }

  override onFirstSnapshot(typeUrl: string): void {
    const subscription = this.subscriptions.get(typeUrl)
    if (subscription === undefined) return
    this.#respond(subscription, subscription.wildcard ? undefined : [...subscription.names], subscription.wildcard)
  }

  /** Sends those of `names` (all, when undefined) that differ from what the client holds. */
  #respond(subscription: DeltaSubscription, names: readonly string[] | undefined, evenIfEmpty: boolean): void {
    const { typeUrl } = subscription
    const type = this.resources(typeUrl)
    if (type === undefined) return
    const resources: Resource[] = []
    const removed: string[] = []
    let bytes = 0
    const candidates = names ?? new Set([...type.resources.keys(), ...subscription.names, ...subscription.held.keys()])
    for (const name of candidates) {
      if (name === '*') continue
      const found = type.resources.get(name)
      if (found === undefined) {
        // Also the answer to asking for what does not exist: the client learns at once instead of waiting.
        subscription.held.delete(name)
        removed.push(name)
      } else if (subscription.held.get(name) !== found.version) {
        subscription.held.set(name, found.version)
        resources.push(create(ResourceSchema, { name, version: found.version, resource: found.resource }))
        bytes += found.resource.value.length
      }
    }
    if (resources.length === 0 && removed.length === 0 && !evenIfEmpty) return
    const { version } = type
    const sent = [...resources.map((resource) => resource.name), ...removed]
    this.push(subscription, { version, names: sent, bytes }, (nonce) =>
      create(DeltaDiscoveryResponseSchema, {
        typeUrl,
        systemVersionInfo: version,
        nonce,
        resources,
        removedResources: removed,
        controlPlane: { identifier: CONTROL_PLANE_IDENTIFIER },
      }),
    )
  }
}
