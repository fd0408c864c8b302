import { create } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  ResourceSchema,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { ClientStream, type RequestParts } from './client-stream.ts'
import type { Delivery, NamedResource } from './delivery.ts'
import { resourceName } from './resource-name.ts'
import { isWholeState } from './type-urls.ts'
import type { Watch } from './watch.ts'

/** The client's side of one state-of-the-world stream. */
export class SotwClientStream extends ClientStream<DiscoveryRequest, DiscoveryResponse> {
  readonly #nonces = new Map<Watch, string>()

  /** The server, which sends only what is new, has to be told of both. */
  override regain(watch: Watch): void {
    this.request(watch)
  }

  protected override read({ typeUrl, nonce, versionInfo, resources }: DiscoveryResponse): Delivery {
    return {
      typeUrl,
      nonce,
      version: versionInfo,
      resources: resources.map((resource) => named(resource, versionInfo)),
      removed: isWholeState(typeUrl) ? undefined : [],
    }
  }

  protected override write(watch: Watch, { node, nonce, errorDetail }: RequestParts): DiscoveryRequest {
    if (nonce !== undefined) this.#nonces.set(watch, nonce)
    return create(DiscoveryRequestSchema, {
      typeUrl: watch.typeUrl,
      versionInfo: watch.version,
      responseNonce: this.#nonces.get(watch) ?? '',
      resourceNames: watch.wildcard ? [] : [...watch.names],
      node,
      errorDetail,
    })
  }
}

/** Resources may come wrapped in `envoy.service.discovery.v3.Resource`, which carries their name (and a TTL). */
function named(any: Any, version: string): NamedResource {
  try {
    if (!any.typeUrl.endsWith('/envoy.service.discovery.v3.Resource'))
      return { name: resourceName(any), version, resource: any }
    const wrapper = anyUnpack(any, ResourceSchema)
    const resource = wrapper?.resource
    if (wrapper === undefined || resource === undefined) return { name: wrapper?.name ?? '', version, resource: any }
    return { name: wrapper.name === '' ? resourceName(resource) : wrapper.name, version, resource }
  } catch {
    return { name: '', version, resource: any }
  }
}
