import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { stringify } from 'yaml'
import type { User } from '../rest/context.ts'
import { ApiError, internal } from '../status.ts'
import { type DecodedBody, decodeBody, readBody } from './body.ts'
import { type Negotiated, negotiate } from './negotiate.ts'

export type Request = IncomingMessage | Http2ServerRequest
export type Response = ServerResponse | Http2ServerResponse

/** One request with its answer. */
export class Exchange {
  readonly request: Request
  readonly response: Response
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly user: User
  readonly warnings: string[] = []
  /** For the log and the metrics; set once the path is understood. */
  verb = ''
  resource = ''

  constructor(request: Request, response: Response, user: User) {
    this.request = request
    this.response = response
    this.user = user
    this.method = request.method ?? 'GET'
    const url = request.url ?? '/'
    const question = url.indexOf('?')
    this.path = question < 0 ? url : url.slice(0, question)
    this.query = new URLSearchParams(question < 0 ? '' : url.slice(question + 1))
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name]
    return Array.isArray(value) ? value.join(',') : value
  }

  negotiate(): Negotiated {
    return negotiate(this.header('accept'))
  }

  async body(): Promise<DecodedBody | undefined> {
    return decodeBody(await readBody(this.request), this.header('content-type'))
  }

  sendJson(code: number, value: unknown, contentType = 'application/json'): void {
    this.send(code, contentType, JSON.stringify(value))
  }

  sendObject(code: number, value: unknown, encoding: Negotiated['encoding']): void {
    if (encoding === 'yaml') this.send(code, 'application/yaml', stringify(value, { aliasDuplicateObjects: false }))
    else this.sendJson(code, value)
  }

  send(code: number, contentType: string, text: string, headers: Record<string, string> = {}): void {
    const response = this.response as ServerResponse
    response.statusCode = code
    response.setHeader('content-type', contentType)
    response.setHeader('cache-control', 'no-cache, private')
    response.setHeader('content-length', Buffer.byteLength(text))
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    this.setWarnings()
    response.end(this.method === 'HEAD' ? undefined : text)
  }

  /** RFC 7234 warnings, one header each; kubectl prints them. */
  setWarnings(): void {
    if (this.warnings.length === 0) return
    const lines = [...new Set(this.warnings)].map(
      (text) => `299 - "${text.replace(/["\\]/g, '\\$&').replace(/[^\x20-\x7e]/g, '?')}"`,
    )
    ;(this.response as ServerResponse).setHeader('warning', lines)
  }

  /** Starts an answer that goes on; headers go out at once, because watchers wait for them. */
  startStream(contentType: string): void {
    const response = this.response as ServerResponse
    response.statusCode = 200
    response.setHeader('content-type', contentType)
    response.setHeader('cache-control', 'no-cache, private')
    this.setWarnings()
    response.flushHeaders()
  }

  fail(error: unknown): void {
    const failure = error instanceof ApiError ? error : internal((error as Error)?.message ?? String(error))
    if (this.response.headersSent) {
      this.response.end()
      return
    }
    const headers: Record<string, string> = {}
    if (failure.details?.retryAfterSeconds !== undefined)
      headers['retry-after'] = String(failure.details.retryAfterSeconds)
    this.send(failure.code, 'application/json', JSON.stringify(failure.status), headers)
  }
}
