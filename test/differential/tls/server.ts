/** The upstream of a trial, which answers with what it has seen. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Catalogue } from './catalogue.ts'
import { peerOptions } from './peer-options.ts'
import type { Upstream } from './trial.ts'

export interface Serving {
  readonly port: number
  close(): void
}

export async function serve(upstream: Upstream | undefined, catalogue: Catalogue): Promise<Serving> {
  const server = make(upstream, catalogue)
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await once(server.on('tlsClientError', () => {}).listen(0, '127.0.0.1'), 'listening')
  const close = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { port: (server.address() as AddressInfo).port, close }
}

function make(upstream: Upstream | undefined, catalogue: Catalogue): Server {
  if (upstream === undefined)
    return createServer((request, response) => response.end(`<${seen(request.headers, request.socket, catalogue)}>`))
  const options = {
    ...peerOptions(upstream.server, catalogue),
    requestCert: upstream.server.asks,
    rejectUnauthorized: false,
  }
  if (upstream.http2 !== true)
    return createTlsServer(options, (request, response) =>
      response.end(`<${seen(request.headers, request.socket, catalogue)}>`),
    )
  const server = createSecureServer({ ...options, allowHTTP1: true }, (request, response) => {
    const socket = request.stream?.session?.socket ?? request.socket
    response.end(`<${seen(request.headers, socket, catalogue)}>`)
  })
  server.on('sessionError', () => {})
  return server
}

function seen(headers: Readonly<Record<string, unknown>>, socket: Socket, catalogue: Catalogue): string {
  const told: Record<string, unknown> = { forwarded: headers['x-forwarded-client-cert'] }
  if (socket instanceof TLSSocket) {
    const shown = socket.getPeerX509Certificate()
    told['serverName'] = socket.servername
    told['protocol'] = socket.alpnProtocol
    told['shown'] = shown === undefined ? undefined : catalogue.nameOf(shown.fingerprint256)
  }
  return JSON.stringify(told)
}
