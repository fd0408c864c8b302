import { createServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { Code, ConnectError, createContextKey, createContextValues } from '@connectrpc/connect'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { AggregatedDiscoveryService } from '../../gen/envoy/service/discovery/v3/ads_pb.ts'
import { SluiceError } from '../errors.ts'
import { AsyncQueue } from './async-queue.ts'
import { StreamEnd } from './stream-end.ts'
import type { AdsAcceptor, Peer, Stream } from './transport.ts'

const PEER = createContextKey<Peer>({ local: false })

/** A listening server. */
export interface GrpcServer {
  readonly port: number
  /** Ends all streams and stops listening. */
  close(): Promise<void>
}

/** Serves ADS over plaintext gRPC. */
export async function serveGrpc(acceptor: AdsAcceptor, host: string, port: number): Promise<GrpcServer> {
  const sessions = new Set<ServerHttp2Session>()
  const open = new Set<{ close(): void }>()
  const handler = connectNodeAdapter({
    connect: false,
    grpcWeb: false,
    contextValues: (request) => createContextValues().set(PEER, { local: isLoopback(request.socket.remoteAddress) }),
    routes: (router) =>
      router.service(AggregatedDiscoveryService, {
        streamAggregatedResources: (requests, { values }) =>
          serve(requests, (stream) => acceptor.accept(stream, values.get(PEER)), open),
        deltaAggregatedResources: (requests, { values }) =>
          serve(requests, (stream) => acceptor.acceptDelta(stream, values.get(PEER)), open),
      }),
  })
  const server = createServer(handler)
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => sessions.delete(session))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE'
      reject(taken ? new SluiceError('SL6001', `${host}:${port}, wanted for xDS`, { cause: error }) : error)
    })
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const stream of [...open]) stream.close()
      // Lets the trailers out; a client that does not hang up by itself is cut.
      for (const session of sessions) session.close()
      const cut = setTimeout(() => {
        for (const session of sessions) session.destroy()
      }, 200)
      await stopped
      clearTimeout(cut)
    },
  }
}

async function* serve<Request, Response>(
  requests: AsyncIterable<Request>,
  accept: (stream: Stream<Response, Request>) => void,
  open: Set<{ close(): void }>,
): AsyncGenerator<Response> {
  const queue = new AsyncQueue<Response>()
  const end = new StreamEnd<Response, Request>(
    (message) => queue.push(message),
    (error) => queue.end(error === undefined ? undefined : new ConnectError(error.message, Code.InvalidArgument)),
  )
  open.add(end)
  accept(end)
  void (async () => {
    try {
      for await (const request of requests) end.deliver(request)
      end.ended()
    } catch (error) {
      end.ended(error instanceof Error ? error : new Error(String(error)))
    } finally {
      queue.end()
    }
  })()
  try {
    yield* queue
  } finally {
    end.ended()
    open.delete(end)
  }
}

function isLoopback(address: string | undefined): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address ?? '')
}
