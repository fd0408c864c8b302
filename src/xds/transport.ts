import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'

/**
 * One end of a stream of messages. Messages arrive in the order they were sent, each to the one callback; those that arrive
 * before the callback is set are kept. `onClose` fires once, whoever closed, with the error if it was not in order.
 * A message object is owned by nobody after `send`: treat it as frozen, since the in-memory transport hands over the object itself.
 */
export interface Stream<Send, Receive> {
  /** Does nothing on a closed stream. */
  send(message: Send): void
  onMessage(callback: (message: Receive) => void): void
  onClose(callback: (error?: Error) => void): void
  close(error?: Error): void
}

/** The client's end of StreamAggregatedResources. */
export type AdsStream = Stream<DiscoveryRequest, DiscoveryResponse>
/** The client's end of DeltaAggregatedResources. */
export type DeltaAdsStream = Stream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>
/** What a listening side knows of the other end. */
export interface Peer {
  /** On this machine, so that what is sent stays on it. */
  readonly local: boolean
}

/** The server's ends of the same. */
export type AdsServerStream = Stream<DiscoveryResponse, DiscoveryRequest>
/** The incremental variant, seen from the server. */
export type DeltaAdsServerStream = Stream<DeltaDiscoveryResponse, DeltaDiscoveryRequest>

/** How a client reaches its management server. Opening never throws: a failure closes the stream with its error. */
export interface AdsTransport {
  connect(): AdsStream
  connectDelta(): DeltaAdsStream
}

/** What a listening side hands its streams to: `AdsServer`, or whoever stands between. Without a peer it is local. */
export interface AdsAcceptor {
  accept(stream: AdsServerStream, peer?: Peer): void
  acceptDelta(stream: DeltaAdsServerStream, peer?: Peer): void
}
