import { clone, create } from '@bufbuild/protobuf'
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  ResourceSchema,
} from '../../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { StatusSchema } from '../../../gen/google/rpc/status_pb.ts'
import { deltaReportRequest, type ExtensionReport, TypeUrl } from '../../xds/index.ts'
import type { ExtensionSlot } from '../extension/slot.ts'
import { INTERNAL, Session } from './session.ts'

/** The delta variant. */
export class DeltaSession extends Session<DeltaDiscoveryRequest, DeltaDiscoveryResponse> {
  readonly #names = new Set<string>()
  #first = true
  #nonce = ''
  #removals = 0

  protected isExtensions({ typeUrl }: DeltaDiscoveryResponse): boolean {
    return typeUrl === TypeUrl.extension
  }

  protected isAboutExtensions({ typeUrl }: DeltaDiscoveryRequest): boolean {
    return typeUrl === TypeUrl.extension
  }

  protected get names(): ReadonlySet<string> {
    return this.#names
  }

  protected onRequest(request: DeltaDiscoveryRequest): void {
    const { resourceNamesSubscribe, resourceNamesUnsubscribe } = request
    for (const name of resourceNamesSubscribe) this.#names.add(name)
    for (const name of resourceNamesUnsubscribe) {
      this.#names.delete(name)
      this.table.remove(name)
    }
    if (this.#first) {
      this.#first = false
    } else {
      this.answeredByProxy(request.responseNonce, request.errorDetail?.message)
      if (resourceNamesSubscribe.length === 0 && resourceNamesUnsubscribe.length === 0) return
    }
    const copy = clone(DeltaDiscoveryRequestSchema, request)
    copy.responseNonce = ''
    copy.errorDetail = undefined
    // What the proxy holds may be a fallback under the real one's version; only the agent knows, so it gets everything.
    copy.initialResourceVersions = {}
    this.sendUpstream(copy)
    for (const name of resourceNamesSubscribe) {
      const slot = this.table.get(name)
      if (slot?.content !== undefined) this.deliver(slot)
    }
  }

  protected onExtensions(response: DeltaDiscoveryResponse): void {
    const { nonce, resources, removedResources, systemVersionInfo } = response
    this.#nonce = nonce
    const wrapped = resources.flatMap(({ resource }) =>
      resource === undefined ? [] : [{ resource, version: systemVersionInfo }],
    )
    if (!this.take(nonce, wrapped)) return
    for (const name of removedResources) this.table.remove(name)
    if (removedResources.length === 0) return
    this.sendToProxy(
      create(DeltaDiscoveryResponseSchema, {
        typeUrl: TypeUrl.extension,
        systemVersionInfo,
        nonce: `agent-removal-${++this.#removals}`,
        removedResources,
      }),
    )
  }

  protected answerUpstream(nonce: string, rejection: string | undefined): void {
    this.sendUpstream(this.#answer(nonce, rejection))
  }

  protected rejectUpstream(nonce: string, reason: string): void {
    this.sendUpstream(this.#answer(nonce, reason))
  }

  protected rejectLate(reason: string): void {
    if (!this.takesReports) this.sendUpstream(this.#answer(this.#nonce, reason))
  }

  protected extensionResponse(slot: ExtensionSlot, nonce: string): DeltaDiscoveryResponse {
    const { name, version, serial } = slot
    // The serial makes each content a version of its own, also those that the control plane does not know of.
    const resource = create(ResourceSchema, { name, version: `${version}/${serial}`, resource: slot.content!.resource })
    return create(DeltaDiscoveryResponseSchema, {
      typeUrl: TypeUrl.extension,
      systemVersionInfo: version,
      nonce,
      resources: [resource],
    })
  }

  protected reportRequest(reports: readonly ExtensionReport[]): DeltaDiscoveryRequest {
    return deltaReportRequest(reports)
  }

  #answer(responseNonce: string, error?: string): DeltaDiscoveryRequest {
    return create(DeltaDiscoveryRequestSchema, {
      typeUrl: TypeUrl.extension,
      responseNonce,
      errorDetail: error === undefined ? undefined : create(StatusSchema, { code: INTERNAL, message: error }),
    })
  }
}
