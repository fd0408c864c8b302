import { createServer as createHttp2, type ServerHttp2Stream } from 'node:http2'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { Upstream } from '../upstream.ts'

/** Sockets that clusters lead to. */
export interface ServicePlaces {
  readonly upstream: string
  readonly upstreamHttp2: string
  readonly grpc: string
  readonly echo: string
}

/** What stands behind a proxy under test: an HTTP service, a gRPC service and an echo, each on a socket in `dir`. */
export class Services implements ServicePlaces {
  readonly http = new Upstream()
  readonly upstream: string
  readonly upstreamHttp2: string
  readonly grpc: string
  readonly echo: string
  readonly #servers: Server[] = []

  private constructor(dir: string) {
    this.upstream = join(dir, 'upstream')
    this.upstreamHttp2 = join(dir, 'upstream-http2')
    this.grpc = join(dir, 'grpc')
    this.echo = join(dir, 'echo')
  }

  static async start(dir: string): Promise<Services> {
    const services = new Services(dir)
    const echo = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {})
      socket.pipe(socket)
      // It says goodbye first.
      socket.on('data', (chunk: Buffer) => {
        if (chunk.includes('bye')) socket.end()
      })
    })
    const grpc = createHttp2()
    grpc.on('stream', (stream, headers) => serveGrpc(stream, String(headers[':path'])))
    const listen = async (server: Server, path: string) => {
      services.#servers.push(server)
      await new Promise<void>((resolve) => server.listen(path, resolve))
    }
    await listen(services.http.server, services.upstream)
    await listen(services.http.http2 as unknown as Server, services.upstreamHttp2)
    await listen(grpc as unknown as Server, services.grpc)
    await listen(echo, services.echo)
    return services
  }

  close(): void {
    for (const server of this.#servers) {
      server.close()
      if ('closeAllConnections' in server) (server as { closeAllConnections(): void }).closeAllConnections()
    }
  }
}

/** The method's name says what it does: Echo, Fail (status 7), Hang, Many (each message twice), NoTrailers (reset). */
function serveGrpc(stream: ServerHttp2Stream, path: string): void {
  stream.on('error', () => {})
  if (path.endsWith('/Fail')) {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '7', 'grpc-message': 'not you' },
      { endStream: true },
    )
    return
  }
  if (path.endsWith('/Hang')) return
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'x-initial': 'i1' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-trailing': 't1' }))
  if (path.endsWith('/Reset')) return void stream.close(2)
  stream.on('data', (chunk: Buffer) => {
    stream.write(chunk)
    if (path.endsWith('/Many')) stream.write(chunk)
  })
  stream.on('end', () => stream.end())
}
