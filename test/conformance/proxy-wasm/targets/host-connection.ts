import { BodyBuffer } from '../../../../src/base/body-buffer.ts'
import {
  type AttributeValue,
  type ConnectionHost,
  type NetworkContext,
  PEER,
  type Plugin,
} from '../../../../src/wasm/index.ts'
import type { Exchange, SeenExchange } from '../case.ts'
import { piecesOf } from '../message.ts'

/** A connection through a network plugin to an upstream that echoes, without a network. */
export class HostConnection implements ConnectionHost {
  downstreamData: BodyBuffer | undefined
  upstreamData: BodyBuffer | undefined
  readonly filterState = new Map<string, Uint8Array>()
  readonly #context: NetworkContext
  #echoed = ''
  #closed = false

  constructor(filter: Plugin) {
    this.#context = filter.createNetworkContext(this)
  }

  /** A connection that passes no plugin, with an entry for the access log. */
  static logged(accessLog: Plugin, exchange: Exchange): SeenExchange {
    const text = piecesOf(exchange.request?.body ?? '').join('')
    const attributes: Readonly<Record<string, AttributeValue>> = {
      'connection.id': 1,
      'upstream.address': '/run/echo',
      'xds.cluster_name': 'echo',
      'request.total_size': text.length,
      'request.duration': 1_000_000,
    }
    accessLog.log({
      requestHeaders: undefined,
      responseHeaders: undefined,
      responseTrailers: undefined,
      attribute: (group, name) => attributes[`${group}.${name}`],
      filterState: new Map(),
    })
    return { status: 200, headers: [], body: text, trailers: [], upstream: undefined }
  }

  static run(plugin: Plugin, exchange: Exchange): SeenExchange {
    return new HostConnection(plugin).#run(exchange)
  }

  #run(exchange: Exchange): SeenExchange {
    const pieces = piecesOf(exchange.request?.body ?? '').map((piece) => Buffer.from(piece, 'latin1'))
    const held = new BodyBuffer()
    let stopped = this.#context.onNewConnection() !== 0
    for (const [i, piece] of [...pieces, Buffer.alloc(0)].entries()) {
      if (stopped && i === 0) break
      if (this.#closed) break
      held.add(piece)
      this.downstreamData = held
      stopped = this.#context.onDownstreamData(held.length, i === pieces.length) !== 0
      this.downstreamData = undefined
      if (!stopped && !this.#closed) this.#echo(held)
    }
    if (!this.#closed) this.#context.onDownstreamClose()
    this.#context.end()
    return { status: 200, headers: [], body: this.#echoed, trailers: [], upstream: undefined }
  }

  #echo(data: BodyBuffer): void {
    const back = new BodyBuffer()
    back.move(data)
    if (back.length === 0) return
    this.upstreamData = back
    const status = this.#context.onUpstreamData(back.length, false)
    this.upstreamData = undefined
    if (status !== 0 || this.#closed) return
    const text = back.linearize().toString('latin1')
    this.#echoed += text
    if (text.includes('bye')) this.#context.onUpstreamClose(PEER.unknown)
  }

  attribute(group: string, name: string): AttributeValue | undefined {
    return group === 'connection' && name === 'id' ? 1 : undefined
  }

  continueDownstream(): void {}

  continueUpstream(): void {}

  closeDownstream(): void {
    this.#closed = true
  }

  closeUpstream(): void {
    this.#closed = true
  }

  onPluginFailed(): void {}
}
