import { clone, create } from '@bufbuild/protobuf'
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '../../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { StatusSchema } from '../../../gen/google/rpc/status_pb.ts'
import { type ExtensionReport, reportRequest, TypeUrl } from '../../xds/index.ts'
import type { ExtensionSlot } from '../extension/slot.ts'
import { INTERNAL, Session } from './session.ts'

/** State of the world. A response may carry some of the extensions: absence means removal for listeners and clusters only. */
export class SotwSession extends Session<DiscoveryRequest, DiscoveryResponse> {
  #names: ReadonlySet<string> = new Set()
  #first = true
  /** Of the newest response, and the version that was last accepted. */
  #nonce = ''
  #accepted = ''
  readonly #versions = new Map<string, string>()

  protected isExtensions({ typeUrl }: DiscoveryResponse): boolean {
    return typeUrl === TypeUrl.extension
  }

  protected isAboutExtensions({ typeUrl }: DiscoveryRequest): boolean {
    return typeUrl === TypeUrl.extension
  }

  protected get names(): ReadonlySet<string> {
    return this.#names
  }

  protected onRequest(request: DiscoveryRequest): void {
    const before = this.#names
    this.#names = new Set(request.resourceNames)
    for (const name of before) if (!this.#names.has(name)) this.table.remove(name)
    if (this.#first) {
      this.#first = false
      const copy = clone(DiscoveryRequestSchema, request)
      // The proxy's version says nothing about what this agent holds, and its nonce is of another conversation.
      copy.versionInfo = ''
      copy.responseNonce = ''
      this.sendUpstream(copy)
    } else {
      this.answeredByProxy(request.responseNonce, request.errorDetail?.message)
      if (!sameNames(before, this.#names)) this.sendUpstream(this.#request(this.#nonce))
    }
    // What an earlier stream left needs no word from the control plane, whose next one may hold nothing new.
    for (const name of this.#names) {
      const slot = before.has(name) ? undefined : this.table.get(name)
      if (slot?.content !== undefined) this.deliver(slot)
    }
  }

  protected onExtensions(response: DiscoveryResponse): void {
    this.#nonce = response.nonce
    this.#versions.set(response.nonce, response.versionInfo)
    const resources = response.resources.map((resource) => ({ resource, version: response.versionInfo }))
    this.take(response.nonce, resources)
  }

  protected answerUpstream(nonce: string, rejection: string | undefined): void {
    if (rejection !== undefined) {
      this.rejectUpstream(nonce, rejection)
      return
    }
    this.#accepted = this.#versions.get(nonce) ?? this.#accepted
    this.#versions.delete(nonce)
    this.sendUpstream(this.#request(nonce))
  }

  protected rejectUpstream(nonce: string, reason: string): void {
    this.#versions.delete(nonce)
    this.sendUpstream(this.#request(nonce, reason))
  }

  protected rejectLate(reason: string): void {
    if (!this.takesReports) this.sendUpstream(this.#request(this.#nonce, reason))
  }

  protected extensionResponse({ content, version }: ExtensionSlot, nonce: string): DiscoveryResponse {
    return create(DiscoveryResponseSchema, {
      typeUrl: TypeUrl.extension,
      versionInfo: version,
      nonce,
      resources: [content!.resource],
    })
  }

  protected reportRequest(reports: readonly ExtensionReport[]): DiscoveryRequest {
    return reportRequest(reports)
  }

  #request(responseNonce: string, error?: string): DiscoveryRequest {
    return create(DiscoveryRequestSchema, {
      typeUrl: TypeUrl.extension,
      versionInfo: this.#accepted,
      responseNonce,
      resourceNames: [...this.#names],
      errorDetail: error === undefined ? undefined : create(StatusSchema, { code: INTERNAL, message: error }),
    })
  }
}

function sameNames(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((name) => b.has(name))
}
