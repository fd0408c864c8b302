import type { BodyBuffer } from '../../../../src/base/body-buffer.ts'
import { byteString } from '../../../../src/base/byte-string.ts'
import { HeaderMap } from '../../../../src/base/header-map.ts'
import {
  type AttributeValue,
  DATA_STATUS,
  HEADERS_STATUS,
  type HttpContext,
  type HttpStreamHost,
  type LocalReply,
  type Plugin,
  Struct,
  TRAILERS_STATUS,
} from '../../../../src/wasm/index.ts'
import type { Exchange, SeenExchange } from '../case.ts'
import { piecesOf } from '../message.ts'
import { Direction, type Part } from './direction.ts'

let connections = 0

/** What stands in the way of a stream: a plugin's context, or nothing. */
export type Passage = Pick<
  HttpContext,
  | 'onRequestHeaders'
  | 'onRequestBody'
  | 'onRequestTrailers'
  | 'onResponseHeaders'
  | 'onResponseBody'
  | 'onResponseTrailers'
  | 'end'
>

const OPEN: Omit<Passage, 'end'> = {
  onRequestHeaders: () => HEADERS_STATUS.continue,
  onRequestBody: () => DATA_STATUS.continue,
  onRequestTrailers: () => TRAILERS_STATUS.continue,
  onResponseHeaders: () => HEADERS_STATUS.continue,
  onResponseBody: () => DATA_STATUS.continue,
  onResponseTrailers: () => TRAILERS_STATUS.continue,
}

/** One exchange through a plugin, without a network. */
export class HostStream implements HttpStreamHost {
  requestHeaders: HeaderMap | undefined
  requestTrailers: HeaderMap | undefined
  responseHeaders: HeaderMap | undefined
  responseTrailers: HeaderMap | undefined
  requestBody: BodyBuffer | undefined
  responseBody: BodyBuffer | undefined
  readonly filterState = new Map<string, Uint8Array>()
  readonly #context: Passage
  readonly #accessLog: Plugin | undefined
  readonly #exchange: Exchange
  readonly #request: Direction
  readonly #response: Direction
  readonly #seen: SeenExchange = { status: 0, headers: [], body: '', trailers: [], upstream: undefined }
  readonly #resolve: (seen: SeenExchange) => void
  #lastBody = false
  #replied: LocalReply | undefined
  #over = false
  readonly #connection = ++connections

  /** Through the filter, if there is one, with an entry for the access log, if there is one. */
  static run(filter: Plugin | undefined, exchange: Exchange, accessLog?: Plugin): Promise<SeenExchange> {
    return new Promise((resolve) => new HostStream(filter, exchange, accessLog, resolve).#begin())
  }

  private constructor(
    filter: Plugin | undefined,
    exchange: Exchange,
    accessLog: Plugin | undefined,
    resolve: (seen: SeenExchange) => void,
  ) {
    this.#exchange = exchange
    this.#resolve = resolve
    this.#context = filter?.createHttpContext(this) ?? { ...OPEN, end() {} }
    this.#accessLog = accessLog
    this.#request = new Direction({
      onHeaders: (headers, end) => {
        this.requestHeaders = headers
        return this.#context.onRequestHeaders(end)
      },
      onData: (hand, end) => {
        this.requestBody = hand
        this.#lastBody = end
        const status = this.#context.onRequestBody(hand.length, end)
        this.requestBody = status === 1 ? this.#request.held : undefined
        return status
      },
      onTrailers: (trailers) => {
        this.requestTrailers = trailers
        return this.#context.onRequestTrailers()
      },
      forwarded: () => {},
      finished: () => setTimeout(() => this.#answer(), 5),
      overLimit: () => this.#direct(413),
    })
    this.#response = new Direction({
      onHeaders: (headers, end) => {
        this.responseHeaders = headers
        return this.#context.onResponseHeaders(end)
      },
      onData: (hand, end) => {
        this.responseBody = hand
        this.#lastBody = end
        const status = this.#context.onResponseBody(hand.length, end)
        this.responseBody = status === 1 ? this.#response.held : undefined
        return status
      },
      onTrailers: (trailers) => {
        this.responseTrailers = trailers
        return this.#context.onResponseTrailers()
      },
      forwarded: () => {
        this.#seen.status = Number(this.responseHeaders?.get(':status') ?? 0)
        this.#seen.headers = plain(this.responseHeaders)
      },
      finished: () => this.#end(),
      overLimit: (sent) => (sent ? this.#reset() : this.#direct(500)),
    })
  }

  #begin(): void {
    const { method = 'GET', path = '/', headers = [], body, trailers } = this.#exchange.request ?? {}
    const pieces = body === undefined ? [] : piecesOf(body)
    const map = HeaderMap.of([
      [':authority', 'example.test'],
      [':path', path],
      [':method', method],
      [':scheme', 'http'],
      ...headers,
    ])
    const bytes = pieces.map((piece) => Buffer.from(piece, 'latin1'))
    if (bytes.length === 1 && trailers === undefined) map.add('content-length', String(bytes[0].length))
    else if (bytes.length > 0 || trailers !== undefined) map.set('transfer-encoding', 'chunked')
    map.add('x-forwarded-proto', 'http')
    for (let i = 0; i < map.flat.length; i += 2) if (map.flat[i] === 'host') map.flat[i] = ':authority'
    this.#request.push(...parts(map, body === undefined && trailers === undefined, bytes, trailers))
  }

  /** The upstream has the request; its response comes. */
  #answer(): void {
    if (this.#over || this.#replied !== undefined) return
    const request = this.requestHeaders
    const method = request?.get(':method') ?? ''
    const path = request?.get(':path') ?? ''
    const headers = plain(request)
    headers.push(['host', request?.get(':authority') ?? ''])
    this.#seen.upstream = {
      method,
      path,
      headers,
      body: text(this.#request.sent),
      trailers: plain(this.requestTrailers),
    }
    const { status = 200, headers: own = [], body = 'upstream', trailers } = this.#exchange.upstream ?? {}
    const map = HeaderMap.of([[':status', String(status)], ...own])
    const pieces = piecesOf(body).map((piece) => Buffer.from(piece, 'latin1'))
    if (pieces.length === 1 && trailers === undefined) map.add('content-length', String(pieces[0].length))
    this.#response.push(...parts(map, false, pieces, trailers))
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.#request.cut = true
    this.#response.cut = true
    this.#seen.body = text(this.#response.sent) + this.#seen.body
    this.#seen.trailers = plain(this.responseTrailers)
    this.#accessLog?.log(this)
    this.#context.end()
    this.#resolve(this.#seen)
  }

  #reset(): void {
    if (this.#seen.status !== 0) this.#seen.body = '[cut]'
    this.#end()
  }

  /** A response that no plugin sees any more. */
  #direct(status: number, reply?: LocalReply): void {
    this.#seen.status = status
    this.#seen.headers = reply === undefined ? [] : plain(replyHeaders(reply))
    this.#seen.body = reply === undefined ? '' : Buffer.from(reply.body).toString('latin1')
    this.#response.sent.clear()
    this.#end()
  }

  // HttpStreamHost:

  sendLocalReply(reply: LocalReply): void {
    if (this.#over || this.#replied !== undefined) return
    this.#replied = reply
    this.#request.cut = true
    if (this.responseHeaders === undefined) {
      const body = Buffer.from(reply.body)
      const headers = replyHeaders(reply)
      this.#response.push({ headers, end: body.length === 0 }, ...(body.length > 0 ? [{ data: body, end: true }] : []))
    } else if (this.#response.headersSent) this.#reset()
    else this.#direct(reply.status, reply)
  }

  continueRequest(): void {
    this.#request.continue()
  }

  continueResponse(): void {
    this.#response.continue()
  }

  closeStream(): void {
    this.#reset()
  }

  addRequestTrailers(): HeaderMap | undefined {
    if (this.#lastBody) this.requestTrailers ??= new HeaderMap()
    return this.requestTrailers
  }

  addResponseTrailers(): HeaderMap | undefined {
    if (this.#lastBody) this.responseTrailers ??= new HeaderMap()
    return this.responseTrailers
  }

  clearRouteCache(): void {}

  onPluginFailed(): void {}

  attribute(group: string, name: string): AttributeValue | undefined {
    if (group === 'filter_state') return this.filterState.get(name)
    return this.#attributes()[`${group}.${name}`]
  }

  #attributes(): Readonly<Record<string, AttributeValue | undefined>> {
    const over = this.#over
    return {
      'request.protocol': 'HTTP/1.1',
      'request.time': BigInt(Date.now()) * 1_000_000n,
      'request.duration': over ? 1_000_000n : undefined,
      'request.size': Number(this.requestHeaders?.get('content-length') ?? this.#request.sent.length),
      'request.total_size': over ? 1 : undefined,
      'response.size': this.#response.sent.length,
      'response.total_size': over ? 1 : undefined,
      'response.code': this.responseHeaders === undefined ? undefined : Number(this.responseHeaders.get(':status')),
      'response.code_details':
        this.#replied?.details ?? (this.responseHeaders === undefined ? undefined : 'via_upstream'),
      'connection.id': this.#connection,
      'connection.mtls': false,
      'connection.requested_server_name': '',
      'response.flags': 0,
      'source.address': '127.0.0.1:4000',
      'xds.listener_direction': 0,
      'upstream.transport_failure_reason': this.responseHeaders === undefined ? undefined : '',
      'upstream.address': this.responseHeaders === undefined ? undefined : '/run/upstream',
      'xds.cluster_name': 'upstream',
      'xds.route_name': 'main',
      'xds.virtual_host_name': byteString('all'),
      'xds.route_metadata': new Struct({ filter_metadata: { test: { team: 'blue', size: 3 } } }),
    }
  }
}

function parts(
  headers: HeaderMap,
  end: boolean,
  pieces: readonly Buffer[],
  trailers: readonly (readonly [string, string])[] | undefined,
): Part[] {
  if (end) return [{ headers, end }]
  const data = pieces.filter((piece) => piece.length > 0).map((piece) => ({ data: piece, end: false }))
  const last: Part =
    trailers === undefined ? { data: Buffer.alloc(0), end: true } : { trailers: HeaderMap.of(trailers) }
  return [{ headers, end }, ...data, last]
}

function replyHeaders(reply: LocalReply): HeaderMap {
  const headers = new HeaderMap([':status', String(reply.status), ...reply.headers])
  if (reply.body.length > 0) {
    headers.add('content-length', String(reply.body.length))
    if (!headers.has('content-type')) headers.add('content-type', 'text/plain')
  }
  return headers
}

function plain(map: HeaderMap | undefined): [string, string][] {
  return [...(map ?? [])].filter(([name]) => !name.startsWith(':'))
}

function text(body: BodyBuffer): string {
  return body.linearize().toString('latin1')
}
