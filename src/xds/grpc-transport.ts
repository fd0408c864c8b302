import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { AggregatedDiscoveryService } from '../../gen/envoy/service/discovery/v3/ads_pb.ts'
import { AsyncQueue } from './async-queue.ts'
import { StreamEnd } from './stream-end.ts'
import type { AdsTransport, Stream } from './transport.ts'

/** A silent connection is tested this often, so that a control plane that vanished without a word is noticed. */
const PING_INTERVAL_MS = 30_000

/** ADS over plaintext gRPC, as istiod serves it on port 15010. `address` is `host:port`. */
export function grpcTransport(address: string): AdsTransport {
  const transport = createGrpcTransport({ baseUrl: `http://${address}`, pingIntervalMs: PING_INTERVAL_MS })
  const client = createClient(AggregatedDiscoveryService, transport)
  return {
    connect: () => open((requests, signal) => client.streamAggregatedResources(requests, { signal })),
    connectDelta: () => open((requests, signal) => client.deltaAggregatedResources(requests, { signal })),
  }
}

function open<Request, Response>(
  call: (requests: AsyncIterable<Request>, signal: AbortSignal) => AsyncIterable<Response>,
): Stream<Request, Response> {
  const queue = new AsyncQueue<Request>()
  const abort = new AbortController()
  const end = new StreamEnd<Request, Response>(
    (message) => queue.push(message),
    () => {
      queue.end()
      abort.abort()
    },
  )
  void pump(call(queue, abort.signal), end, queue)
  return end
}

async function pump<Request, Response>(
  responses: AsyncIterable<Response>,
  end: StreamEnd<Request, Response>,
  queue: AsyncQueue<Request>,
): Promise<void> {
  try {
    for await (const response of responses) end.deliver(response)
    end.ended()
  } catch (error) {
    end.ended(error instanceof Error ? error : new Error(String(error)))
  } finally {
    queue.end()
  }
}
