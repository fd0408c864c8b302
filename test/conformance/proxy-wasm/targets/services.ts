import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { Upstream } from '../upstream.ts'
import { grpcService } from './grpc-service.ts'

/** Sockets that clusters lead to. */
export interface ServicePlaces {
  readonly upstream: string
  readonly upstreamHttp2: string
  readonly grpc: string
  readonly echo: string
  /** Not a socket: where the proxy writes its access log. */
  readonly accessLog: string
}

/** What stands behind a proxy under test: an HTTP service, a gRPC service and an echo, each on a socket in `dir`. */
export class Services implements ServicePlaces {
  readonly http = new Upstream()
  readonly upstream: string
  readonly upstreamHttp2: string
  readonly grpc: string
  readonly echo: string
  readonly accessLog: string
  readonly #servers: Server[] = []

  private constructor(dir: string) {
    this.upstream = join(dir, 'upstream')
    this.upstreamHttp2 = join(dir, 'upstream-http2')
    this.grpc = join(dir, 'grpc')
    this.echo = join(dir, 'echo')
    this.accessLog = join(dir, 'access.log')
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
    const listen = async (server: Server, path: string) => {
      services.#servers.push(server)
      await new Promise<void>((resolve) => server.listen(path, resolve))
    }
    await listen(services.http.server, services.upstream)
    await listen(services.http.http2 as unknown as Server, services.upstreamHttp2)
    await listen(grpcService() as unknown as Server, services.grpc)
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
