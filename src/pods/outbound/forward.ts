import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream'
import { Agent, request as httpRequest } from '../../base/node-http.ts'
import type { Address } from '../endpoints/slices.ts'
import { type Routes, serviceOf } from './routes.ts'

/** For one connection only (RFC 9110, 7.6.1), or meant for this proxy. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'te',
  'upgrade',
])

/** Sends on what clients ask of a forward proxy: to the Pods behind a Service in turn, and anything else as it is. */
export class Forwarder {
  routes: Routes = { services: {}, clusterIPs: {} }
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 64 })
  readonly #turns = new Map<string, number>()

  handle(namespace: string, request: IncomingMessage, response: ServerResponse): void {
    const url = URL.parse(request.url ?? '')
    if (url?.protocol !== 'http:') {
      // Not asked as a proxy: answering would let any page in a browser reach the Pods.
      refuse(response, 400, 'this is a forward proxy: it takes absolute http URLs only')
      return
    }
    const port = Number(url.port || 80)
    const service = serviceOf(this.routes, url.hostname, namespace)
    if (service === undefined) {
      this.#forward({ ip: url.hostname, port }, request, response)
      return
    }
    const addresses = this.routes.services[service][port] ?? []
    if (addresses.length === 0) refuse(response, 503, 'no healthy upstream')
    else this.#forward(this.#next(`${service}:${port}`, addresses), request, response)
  }

  close(): void {
    this.#agent.destroy()
  }

  #next(key: string, addresses: readonly Address[]): Address {
    const turn = (this.#turns.get(key) ?? 0) % addresses.length
    this.#turns.set(key, turn + 1)
    return addresses[turn]
  }

  #forward(to: Address, request: IncomingMessage, response: ServerResponse): void {
    try {
      this.#send(to, request, response)
    } catch (error) {
      // Node refuses some paths and headers that its parser lets through; that must cost this request only.
      refuse(response, 400, error instanceof Error ? error.message : String(error))
    }
  }

  #send(to: Address, request: IncomingMessage, response: ServerResponse): void {
    const upstream = httpRequest({
      host: to.ip.replace(/^\[|\]$/g, ''),
      port: to.port,
      method: request.method,
      path: pathOf(request.url ?? ''),
      headers: endToEnd(request.rawHeaders),
      agent: this.#agent,
    })
    upstream.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer.rawHeaders))
      pipeline(answer, response, () => {})
    })
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      if (response.headersSent || response.destroyed) {
        response.destroy()
        return
      }
      // The other end was just closing a kept connection; nothing of a request without body is lost by asking again.
      const again = upstream.reusedSocket && error.code === 'ECONNRESET' && isBodiless(request)
      if (again) this.#forward(to, request, response)
      else refuse(response, 503, `upstream connect error: ${to.ip}:${to.port}: ${error.message}`)
    })
    response.on('close', () => {
      if (!response.writableFinished) upstream.destroy()
    })
    if (isBodiless(request)) upstream.end()
    else pipeline(request, upstream, () => {})
  }
}

/** As the client wrote it: parsing would take out dot segments, which are for the server to judge. */
function pathOf(url: string): string {
  const path = /^[a-z]+:\/\/[^/?#]*([^#]*)/i.exec(url)?.[1] ?? ''
  return path.startsWith('/') ? path : `/${path}`
}

function isBodiless({ headers }: IncomingMessage): boolean {
  return headers['content-length'] === undefined && headers['transfer-encoding'] === undefined
}

function endToEnd(raw: readonly string[]): string[] {
  const out: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    if (!HOP_BY_HOP.has(raw[i].toLowerCase())) out.push(raw[i], raw[i + 1])
  }
  return out
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { 'content-type': 'text/plain', 'content-length': Buffer.byteLength(why) }).end(why)
}
