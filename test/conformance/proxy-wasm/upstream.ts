import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  createServer as createHttp2,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import type { Server } from 'node:net'
import type { Response, SeenExchange } from './case.ts'
import { fold, piecesOf } from './message.ts'

type SeenRequest = NonNullable<SeenExchange['upstream']>

/** The service behind the proxies: it answers as the running exchange of the case says, and keeps what it was sent. */
export class Upstream {
  readonly server: Server
  readonly http2: Http2Server
  /** By the case's id, which the route adds as a header after all plugins, and the exchange, where it is told. */
  readonly #answers = new Map<string, Response>()
  readonly #seen = new Map<string, SeenRequest>()

  constructor() {
    const serve = (
      request: IncomingMessage | Http2ServerRequest,
      // The types of what both have in common do not meet.
      response: ServerResponse | (Http2ServerResponse & ServerResponse),
    ) => {
      this.#serve(request, response).catch(() => request.socket.destroy())
    }
    this.server = createServer({ joinDuplicateHeaders: false }, serve)
    this.http2 = createHttp2((request, response) => serve(request, response as Http2ServerResponse & ServerResponse))
  }

  prepare(id: string, nth: string, answer: Response): void {
    this.#answers.set(id + nth, answer)
    this.#seen.delete(id + nth)
  }

  seen(id: string, nth: string): SeenRequest | undefined {
    return this.#seen.get(id + nth)
  }

  async #serve(request: IncomingMessage | Http2ServerRequest, response: ServerResponse): Promise<void> {
    const id = `${String(request.headers['x-case'] ?? '')}${String(request.headers['x-nth'] ?? '')}`
    let body = ''
    for await (const chunk of request) body += (chunk as Buffer).toString('latin1')
    const { method = '', url = '', rawHeaders, rawTrailers } = request
    this.#seen.set(id, { method, path: url, headers: fold(rawHeaders), body, trailers: fold(rawTrailers) })
    // Callouts of plugins arrive here too: `/callout/…` says what to answer.
    const called = /^\/callout\/(\d+)/.exec(url)
    const answer: Response =
      called === null ? (this.#answers.get(id) ?? {}) : { status: Number(called[1]), body: `called ${body}` }
    if (url.startsWith('/callout/0')) return void request.socket.destroy()
    if (url.startsWith('/callout/1')) return
    const pieces = piecesOf(answer.body ?? 'upstream')
    response.sendDate = false
    const headers = [...(answer.headers ?? [])]
    const length = headers.some(([name]) => name === 'content-length')
    if (!length && pieces.length === 1 && answer.trailers === undefined)
      headers.push(['content-length', String(pieces[0].length)])
    if (answer.trailers !== undefined) headers.push(['trailer', answer.trailers.map(([name]) => name).join(',')])
    response.writeHead(answer.status ?? 200, headers.flat() as string[])
    for (const piece of pieces) {
      response.write(Buffer.from(piece, 'latin1'))
      if (pieces.length > 1) await new Promise((resolve) => setTimeout(resolve, 80))
    }
    if (answer.trailers !== undefined) response.addTrailers(Object.fromEntries(answer.trailers))
    response.end()
  }
}
