import { create } from '@bufbuild/protobuf'
import { AnySchema } from '@bufbuild/protobuf/wkt'
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { ClientStream, type RequestParts } from './client-stream.ts'
import type { Delivery, NamedResource, RejectedResource } from './delivery.ts'
import { WILDCARD } from './resource-name.ts'
import type { Watch } from './watch.ts'

/** The client's side of one delta stream. */
export class DeltaClientStream extends ClientStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse> {
  /** A name that is subscribed again is sent again, held or not: the proto of `resource_names_subscribe` asks servers for that. */
  override regain(): void {}

  override took(watch: Watch, delivery: Delivery, rejected: readonly RejectedResource[]): void {
    super.took(watch, delivery, rejected)
    const refused = new Set(rejected.map(({ name }) => name))
    if (refused.has(WILDCARD)) return
    for (const { name, version } of delivery.resources)
      if (!refused.has(name) && watch.wants(name)) watch.held.set(name, version)
    for (const name of delivery.removed ?? []) watch.held.delete(name)
  }

  protected override read(response: DeltaDiscoveryResponse): Delivery {
    const { typeUrl, nonce, systemVersionInfo, removedResources } = response
    const resources = response.resources.flatMap(({ name, version, resource, aliases, ttl }): NamedResource[] => {
      // An alias that leads nowhere, or a heartbeat: nothing has changed.
      if (resource === undefined && (aliases.length > 0 || ttl !== undefined)) return []
      return [{ name, version, resource: resource ?? create(AnySchema) }]
    })
    const names = [...resources.map(({ name }) => name), ...removedResources]
    const twice = names.length === new Set(names).size ? undefined : names.find((name, i) => names.indexOf(name) < i)
    return {
      typeUrl,
      nonce,
      version: systemVersionInfo,
      resources,
      removed: removedResources,
      // Nobody could tell what holds, and Envoy (DeltaSubscriptionState::handleGoodResponse) refuses it, too.
      malformed: twice === undefined ? undefined : `the response says two things of "${twice}"`,
    }
  }

  protected override write(watch: Watch, { node, nonce, errorDetail }: RequestParts): DeltaDiscoveryRequest {
    const first = !this.asked(watch)
    return create(DeltaDiscoveryRequestSchema, {
      typeUrl: watch.typeUrl,
      node,
      responseNonce: nonce ?? '',
      errorDetail,
      resourceNamesSubscribe: first ? everything(watch) : [...watch.added],
      resourceNamesUnsubscribe: first ? [] : [...watch.left].filter((name) => !watch.names.has(name)),
      initialResourceVersions: first ? Object.fromEntries(watch.held) : {},
    })
  }
}

/** Of a type of which all is wanted no names mean that, in the first request of a stream. */
function everything({ wildcard, names }: Watch): string[] {
  return wildcard && names.size > 0 ? [WILDCARD, ...names] : [...names]
}
