import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from '../../../src/base/node-http.ts'

export interface ServiceRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** The route's capture groups. */
  readonly params: readonly string[]
  /** The body as text; rejects when it is longer than a mebibyte. */
  text(): Promise<string>
}

export interface Reply {
  readonly status: number
  readonly body: string
  readonly type?: string
  readonly headers?: Record<string, string>
}

export interface Route {
  readonly method: 'GET' | 'POST'
  readonly path: RegExp
  handle(request: ServiceRequest): Reply | Promise<Reply>
}

const MAX_BODY = 1 << 20

/** A JSON answer. */
export function json(status: number, value: unknown): Reply {
  return { status, body: JSON.stringify(value), type: 'application/json' }
}

/** One Bookinfo service: the first route whose method and path match answers. */
export function createService(routes: readonly Route[]): Server {
  const server = createServer((request, response) => {
    answer(routes, request)
      .catch((error: unknown) => {
        console.error(`${request.method} ${request.url}: ${error instanceof Error ? error.stack : error}`)
        return json(500, { error: 'internal error' })
      })
      .then((reply) => send(response, reply))
  })
  // Longer than a proxy keeps an idle connection (Envoy: an hour), so that no request meets one that is just being closed.
  server.keepAliveTimeout = 3_700_000
  return server
}

async function answer(routes: readonly Route[], message: IncomingMessage): Promise<Reply> {
  const method = message.method === 'HEAD' ? 'GET' : (message.method ?? 'GET')
  const [path, query = ''] = splitOnce(message.url ?? '/', '?')
  let known = false
  for (const route of routes) {
    const match = route.path.exec(path)
    if (match === null) continue
    known = true
    if (route.method !== method) continue
    const text = () => readText(message)
    const params = match.slice(1)
    return route.handle({ method, path, query: new URLSearchParams(query), headers: message.headers, params, text })
  }
  return known ? json(405, { error: 'method not allowed' }) : json(404, { error: 'not found' })
}

function send(response: ServerResponse, reply: Reply): void {
  const body = Buffer.from(reply.body)
  response.writeHead(reply.status, {
    'content-type': reply.type ?? 'text/plain; charset=utf-8',
    'content-length': body.length,
    ...reply.headers,
  })
  response.end(body)
}

async function readText(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of message) {
    size += chunk.length
    if (size > MAX_BODY) throw new Error(`the body is longer than ${MAX_BODY} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)]
}

/** How long a Pod that is told to end goes on serving: until then some client has not heard of it. */
const LAME_DUCK_MS = 250

/** Listens on the Pod's own address (loopback where there is no Pod); on SIGTERM it ends without breaking a request off. */
export function serve(name: string, server: Server, env: NodeJS.ProcessEnv = process.env): void {
  const host = env['POD_IP'] ?? '127.0.0.1'
  const port = Number(env['PORT'] ?? 9080)
  server.listen(port, host, () => console.log(`${name} listens on http://${host}:${port}`))
  const stop = () => {
    server.prependListener('request', (_, response) => response.setHeader('connection', 'close'))
    setTimeout(() => {
      server.close(() => process.exit(0))
      server.closeIdleConnections()
    }, LAME_DUCK_MS)
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}
