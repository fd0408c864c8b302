import type { Any } from '@bufbuild/protobuf/wkt'
import { messageOf } from '../../errors.ts'
import { type ExtensionReport, type Stream, takesExtensionReports } from '../../xds/index.ts'
import { decodeExtension, type Extension } from '../extension/decode.ts'
import type { ExtensionSlot } from '../extension/slot.ts'
import type { Consumer, ExtensionTable } from '../extension/table.ts'
import type { SupplyMetrics } from '../metrics.ts'
import { PendingAcks } from './pending-ack.ts'

/** google.rpc.Code of Istio's agent for a response that cannot be converted. */
export const INTERNAL = 13

/**
 * How long a stream may take to name all that it wants: a proxy asks for extensions as it comes to their listeners, and what it has
 * not asked for yet must not lose its last good module.
 */
const SETTLING_MS = 60_000

/** What a session shares with the others of its agent. */
export interface SessionOptions {
  readonly table: ExtensionTable
  readonly metrics: SupplyMetrics
  /** How long the answer to a response waits for its extensions. */
  readonly ackHoldMs: number
}

/**
 * One proxy's stream with the control plane's stream behind it. Everything but ECDS passes in both directions as it is. For ECDS
 * there are two conversations, each with its own nonces: the agent is the control plane's client and the proxy's server.
 */
export abstract class Session<Request, Response extends { controlPlane?: { identifier: string } | undefined }>
  implements Consumer
{
  protected readonly table: ExtensionTable
  protected readonly acks: PendingAcks
  readonly #metrics: SupplyMetrics
  readonly #proxy: Stream<Response, Request>
  readonly #upstream: Stream<Request, Response>
  /** Nonce towards the proxy -> what it is about. */
  readonly #sent = new Map<string, { readonly slot: ExtensionSlot; readonly serial: number }>()
  #nonce = 0
  #takesReports = false
  #settling: NodeJS.Timeout | undefined

  constructor(proxy: Stream<Response, Request>, upstream: Stream<Request, Response>, options: SessionOptions) {
    this.table = options.table
    this.#metrics = options.metrics
    this.#proxy = proxy
    this.#upstream = upstream
    this.acks = new PendingAcks(options.ackHoldMs, (nonce, rejection) => this.answerUpstream(nonce, rejection))
  }

  start(): void {
    this.table.attach(this)
    this.#settling = setTimeout(() => this.table.retain(this.names), SETTLING_MS)
    this.#settling.unref()
    this.#upstream.onMessage((response) => {
      if (!this.#takesReports && takesExtensionReports(response)) {
        this.#takesReports = true
        this.report(this.table.reports())
      }
      if (this.isExtensions(response)) this.onExtensions(response)
      else this.#proxy.send(response)
    })
    this.#proxy.onMessage((request) => {
      if (this.isAboutExtensions(request)) this.onRequest(request)
      else this.#upstream.send(request)
    })
    this.#upstream.onClose((error) => this.#end(() => this.#proxy.close(error)))
    this.#proxy.onClose((error) => this.#end(() => this.#upstream.close(error)))
  }

  close(): void {
    this.#end(() => {
      this.#proxy.close()
      this.#upstream.close()
    })
  }

  deliver(slot: ExtensionSlot): void {
    if (!this.names.has(slot.name) || slot.content === undefined) return
    const nonce = `agent-${++this.#nonce}`
    this.#sent.set(nonce, { slot, serial: slot.serial })
    this.sendToProxy(this.extensionResponse(slot, nonce))
  }

  settled(slot: ExtensionSlot): void {
    if (slot.isSettled) this.acks.settle(slot.name)
  }

  report(reports: readonly ExtensionReport[]): void {
    if (this.#takesReports) this.#upstream.send(this.reportRequest(reports))
  }

  /** The proxy answered a nonce; one that is not known is a repetition, or of an earlier stream. */
  protected answeredByProxy(nonce: string, rejection: string | undefined): void {
    const sent = this.#sent.get(nonce)
    if (sent === undefined) return
    this.#sent.delete(nonce)
    const { slot, serial } = sent
    if (rejection !== undefined && slot.serial === serial && !this.acks.reject(slot.name, rejection)) {
      this.rejectLate(`${slot.name}: ${rejection}`)
    }
    slot.answered(serial, rejection)
  }

  /** Takes the resources of one response: all, or none if one of them is not what the protocol allows. */
  protected take(nonce: string, resources: readonly { readonly resource: Any; readonly version: string }[]): boolean {
    const decoded: { readonly extension: Extension; readonly resource: Any; readonly version: string }[] = []
    try {
      for (const { resource, version } of resources) {
        decoded.push({ extension: decodeExtension(resource), resource, version })
      }
    } catch (error) {
      this.#metrics.converted('unmarshal_failure')
      this.rejectUpstream(nonce, messageOf(error))
      return false
    }
    const open: string[] = []
    for (const { extension, resource, version } of decoded) {
      if (extension.kind === 'other') this.#metrics.converted('no_remote_load')
      const slot = this.table.update(extension, resource, version)
      if (!slot.isSettled && this.names.has(slot.name)) open.push(slot.name)
    }
    this.acks.add(nonce, open)
    return true
  }

  protected sendToProxy(response: Response): void {
    this.#proxy.send(response)
  }

  protected sendUpstream(request: Request): void {
    this.#upstream.send(request)
  }

  /** Whether the control plane reads reports: then a late rejection needs no NACK, which would make it send all again. */
  protected get takesReports(): boolean {
    return this.#takesReports
  }

  protected abstract isExtensions(response: Response): boolean
  protected abstract isAboutExtensions(request: Request): boolean
  protected abstract onExtensions(response: Response): void
  protected abstract onRequest(request: Request): void
  /** What the proxy subscribes to now. */
  protected abstract get names(): ReadonlySet<string>
  protected abstract extensionResponse(slot: ExtensionSlot, nonce: string): Response
  protected abstract reportRequest(reports: readonly ExtensionReport[]): Request
  protected abstract answerUpstream(nonce: string, rejection: string | undefined): void
  protected abstract rejectUpstream(nonce: string, reason: string): void
  protected abstract rejectLate(reason: string): void

  #end(close: () => void): void {
    clearTimeout(this.#settling)
    this.table.detach(this)
    this.acks.clear()
    close()
  }
}
