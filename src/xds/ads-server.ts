import type { Node } from '../../gen/envoy/config/core/v3/base_pb.ts'
import type { DeltaDiscoveryRequest, DiscoveryRequest } from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { DeltaStream } from './delta-stream.ts'
import { decodeReports } from './extension-report.ts'
import type { AdsServerEvents, Connection } from './server-events.ts'
import { NodeSnapshot, type Resources } from './snapshot.ts'
import { SotwStream } from './sotw-stream.ts'
import type { AdsAcceptor, AdsServerStream, DeltaAdsServerStream, Peer, Stream } from './transport.ts'
import { PUSH_ORDER, TypeUrl } from './type-urls.ts'

type Handler = Pick<SotwStream | DeltaStream, 'connection' | 'onChange' | 'onFirstSnapshot'>

/**
 * The management server's half of ADS, state of the world and delta. It is fed one snapshot per node and sends each of the
 * node's streams what it asked for, once per change of content.
 */
export class AdsServer implements AdsAcceptor {
  readonly #events: AdsServerEvents
  readonly #snapshots = new Map<string, NodeSnapshot>()
  readonly #streams = new Map<string, Set<Handler>>()
  readonly #open = new Set<{ close(): void }>()
  #connections = 0

  constructor(events: AdsServerEvents = {}) {
    this.#events = events
  }

  /**
   * Replaces what a node gets; only what differs is sent, in make-before-break order: clusters that go are taken away after
   * the routes that led to them.
   */
  setSnapshot(nodeId: string, resources: Resources, version: string): void {
    const known = this.#snapshots.get(nodeId)
    if (known === undefined) {
      const snapshot = new NodeSnapshot()
      this.#snapshots.set(nodeId, snapshot)
      snapshot.replace(resources, version)
      this.#eachInOrder(nodeId, snapshot, (handler, typeUrl) => handler.onFirstSnapshot(typeUrl))
      return
    }
    const leaving = known.leaving(TypeUrl.cluster, resources)
    const reroutes = known.differs(TypeUrl.route, resources) || known.differs(TypeUrl.listener, resources)
    if (leaving.length > 0 && reroutes) {
      const kept = new Map([...(resources[TypeUrl.cluster] ?? []), ...leaving])
      this.#push(nodeId, known, { ...resources, [TypeUrl.cluster]: kept }, version)
    }
    this.#push(nodeId, known, resources, version)
  }

  #push(nodeId: string, snapshot: NodeSnapshot, resources: Resources, version: string): void {
    const changes = new Map(snapshot.replace(resources, version).map((change) => [change.typeUrl, change]))
    if (changes.size === 0) return
    this.#eachInOrder(nodeId, snapshot, (handler, typeUrl) => {
      const change = changes.get(typeUrl)
      if (change !== undefined) handler.onChange(change)
    })
  }

  #eachInOrder(nodeId: string, snapshot: NodeSnapshot, act: (handler: Handler, typeUrl: string) => void): void {
    const order = new Set([...PUSH_ORDER, ...snapshot.typeUrls()])
    for (const handler of this.#streams.get(nodeId) ?? []) for (const typeUrl of order) act(handler, typeUrl)
  }

  /** Forgets a node that is gone; its streams, if any, get nothing more until the next snapshot. */
  clearSnapshot(nodeId: string): void {
    this.#snapshots.delete(nodeId)
  }

  connections(): Connection[] {
    return [...this.#streams.values()].flatMap((handlers) => [...handlers].map((handler) => handler.connection))
  }

  accept(stream: AdsServerStream, peer?: Peer): void {
    const kind = { delta: false, local: peer?.local ?? true }
    this.#serve<DiscoveryRequest, SotwStream>(
      stream,
      kind,
      (connection, snapshot) => new SotwStream(connection, stream, this.#events, snapshot),
    )
  }

  acceptDelta(stream: DeltaAdsServerStream, peer?: Peer): void {
    const kind = { delta: true, local: peer?.local ?? true }
    this.#serve<DeltaDiscoveryRequest, DeltaStream>(
      stream,
      kind,
      (connection, snapshot) => new DeltaStream(connection, stream, this.#events, snapshot),
    )
  }

  close(): void {
    for (const stream of [...this.#open]) stream.close()
  }

  #serve<
    Request extends DiscoveryRequest | DeltaDiscoveryRequest,
    H extends Handler & { onRequest(request: Request): void },
  >(
    stream: Stream<never, Request>,
    kind: Pick<Connection, 'delta' | 'local'>,
    make: (connection: Connection, snapshot: () => NodeSnapshot | undefined) => H,
  ): void {
    let handler: H | undefined
    this.#open.add(stream)
    stream.onClose(() => {
      this.#open.delete(stream)
      if (handler !== undefined) this.#forget(handler)
    })
    stream.onMessage((request) => {
      if (handler === undefined) {
        // Only the first request of a stream has to carry the node.
        const node = request.node
        if (node === undefined || node.id === '') {
          stream.close(new Error('the first request of a stream must carry the node with its id'))
          return
        }
        const connection = this.#connection(node, kind, (error) => stream.close(error))
        handler = make(connection, () => this.#snapshots.get(node.id))
        this.#remember(handler)
      }
      const reports = decodeReports(request)
      if (reports !== undefined) this.#events.onReports?.(handler.connection, reports)
      else handler.onRequest(request)
    })
  }

  #connection(node: Node, kind: Pick<Connection, 'delta' | 'local'>, close: Connection['close']): Connection {
    const id = ++this.#connections
    return { id, nodeId: node.id, node, metadata: node.metadata ?? {}, ...kind, connectedAt: Date.now(), close }
  }

  #remember(handler: Handler): void {
    const { nodeId } = handler.connection
    const known = this.#streams.get(nodeId)
    if (known === undefined) this.#streams.set(nodeId, new Set([handler]))
    else known.add(handler)
    this.#events.onConnect?.(handler.connection)
  }

  #forget(handler: Handler): void {
    const { nodeId } = handler.connection
    const handlers = this.#streams.get(nodeId)
    handlers?.delete(handler)
    if (handlers?.size === 0) this.#streams.delete(nodeId)
    this.#events.onDisconnect?.(handler.connection)
  }
}
