import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
} from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { StreamEnd } from './stream-end.ts'
import type { AdsAcceptor, AdsTransport, Stream } from './transport.ts'

/** A transport that ends in the same thread: the standalone's, the agent's towards its proxy, and the tests'. */
export function memoryTransport(acceptor: AdsAcceptor): AdsTransport {
  return {
    connect() {
      const [client, server] = streamPair<DiscoveryRequest, DiscoveryResponse>()
      acceptor.accept(server)
      return client
    },
    connectDelta() {
      const [client, server] = streamPair<DeltaDiscoveryRequest, DeltaDiscoveryResponse>()
      acceptor.acceptDelta(server)
      return client
    },
  }
}

/**
 * Two ends of one stream. Delivery is by microtask: a handler that answers from within its own call must not find itself entered
 * again, and both ends must behave as over a network.
 */
function streamPair<A, B>(): [Stream<A, B>, Stream<B, A>] {
  const left: StreamEnd<A, B> = new StreamEnd<A, B>(
    (message) => queueMicrotask(() => right.deliver(message)),
    (error) => queueMicrotask(() => right.ended(error)),
  )
  const right: StreamEnd<B, A> = new StreamEnd<B, A>(
    (message) => queueMicrotask(() => left.deliver(message)),
    (error) => queueMicrotask(() => left.ended(error)),
  )
  return [left, right]
}
