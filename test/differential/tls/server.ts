/** The upstream of a trial, which answers with what it has seen. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Catalogue } from './catalogue.ts'
import { peerOptions } from './peer-options.ts'
import type { Upstream } from './trial.ts'

export async function serve(upstream: Upstream | undefined, catalogue: Catalogue): Promise<Server> {
  const answer = (request: IncomingMessage, response: ServerResponse) => response.end(`<${seen(request, catalogue)}>`)
  const server = upstream === undefined ? createServer(answer) : createTlsServer(options(upstream, catalogue), answer)
  await once(server.on('tlsClientError', () => {}).listen(0, '127.0.0.1'), 'listening')
  return server
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

function options({ server }: Upstream, catalogue: Catalogue) {
  return { ...peerOptions(server, catalogue), requestCert: server.asks, rejectUnauthorized: false }
}

function seen({ headers, socket }: IncomingMessage, catalogue: Catalogue): string {
  const told: Record<string, unknown> = { forwarded: headers['x-forwarded-client-cert'] }
  if (socket instanceof TLSSocket) {
    const shown = socket.getPeerX509Certificate()
    told['serverName'] = socket.servername
    told['protocol'] = socket.alpnProtocol
    told['shown'] = shown === undefined ? undefined : catalogue.nameOf(shown.fingerprint256)
  }
  return JSON.stringify(told)
}
