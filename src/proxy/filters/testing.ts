/** For tests: a gRPC service with one unary method. */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { grpcFrame, grpcMessage } from '../grpc-frame.ts'
import type { Running } from '../testing.ts'

/** The message to answer with; `fail`: an error of gRPC; `hang`: nothing. */
type GrpcAnswer = Uint8Array | 'fail' | 'hang'

/** Answers each call by what `handler` says of its headers and message. */
export async function grpcService(
  handler: (headers: IncomingHttpHeaders, message: Buffer) => GrpcAnswer,
): Promise<Running & { readonly streams: ReadonlySet<ServerHttp2Stream> }> {
  const sessions = new Set<ServerHttp2Session>()
  const streams = new Set<ServerHttp2Stream>()
  const server = createServer()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => {})
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    streams.add(stream)
    const parts: Buffer[] = []
    stream.on('error', () => {})
    stream.on('close', () => streams.delete(stream))
    stream.on('data', (part: Buffer) => parts.push(part))
    stream.on('end', () => answer(stream, handler(headers, grpcMessage(Buffer.concat(parts)) ?? Buffer.alloc(0))))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    streams,
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const session of sessions) session.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function answer(stream: ServerHttp2Stream, said: GrpcAnswer): void {
  if (said === 'hang') return
  const head = { ':status': 200, 'content-type': 'application/grpc' }
  if (said === 'fail') {
    stream.respond({ ...head, 'grpc-status': '13' }, { endStream: true })
    return
  }
  stream.respond(head, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(grpcFrame(said))
}
