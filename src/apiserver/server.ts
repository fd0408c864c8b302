import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { SluiceError } from '../errors.ts'
import { type Logger, logger } from '../telemetry/log.ts'
import type { Cell, Family, Registry } from '../telemetry/metrics.ts'
import { Authenticator } from './auth.ts'
import { serveDiscovery } from './discovery.ts'
import { Exchange } from './http/exchange.ts'
import { OpenApi } from './openapi/server.ts'
import { serveOpenApiV2 } from './openapi/v2.ts'
import { upgradeExec } from './pod/exec.ts'
import type { PodRuntime } from './pod/runtime.ts'
import type { Api } from './rest/context.ts'
import { ResourceHandler } from './rest/handler.ts'
import { parseResourcePath } from './rest/routes.ts'
import { ApiError, forbidden, noSuchPath, unauthorized } from './status.ts'
import type { Credentials } from './tls.ts'

export interface ServerOptions {
  readonly host: string
  readonly port: number
  /** The minor version that /version answers. */
  readonly version: string
  readonly registry: Registry
  readonly podRuntime: () => PodRuntime | undefined
}

const ANONYMOUS = new Set(['/healthz', '/readyz', '/livez'])

/** HTTPS in front of the REST operations: HTTP/2 for requests and watches, HTTP/1.1 on the same port for upgrades. */
export class ApiHttpServer {
  readonly handler: ResourceHandler
  readonly #api: Api
  readonly #options: ServerOptions
  readonly #server: Http2SecureServer
  readonly #authenticator: Authenticator
  readonly #openapi: OpenApi
  readonly #requests: Family<Cell>
  readonly #log: Logger = logger('apiserver')
  readonly #sockets = new Set<Socket>()

  constructor(api: Api, credentials: Credentials, options: ServerOptions) {
    this.#api = api
    this.#options = options
    this.handler = new ResourceHandler(api, options.podRuntime)
    this.#authenticator = new Authenticator(credentials.token)
    this.#openapi = new OpenApi(api.kinds)
    this.#requests = options.registry.counter('apiserver_request_total', 'Requests by verb, resource and code.')
    this.#server = createSecureServer({
      allowHTTP1: true,
      key: credentials.keyPem,
      cert: credentials.certPem,
      ca: credentials.caPem,
      requestCert: true,
      rejectUnauthorized: false,
      // One client-go process holds all its watches on one connection.
      settings: { maxConcurrentStreams: 1000 },
    })
    // Go keeps idle connections for 90 s; closing them first would race with its next request.
    Object.assign(this.#server, { keepAliveTimeout: 120_000, requestTimeout: 0 })
    this.#server.on('request', (request, response) => this.#onRequest(request, response))
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#onUpgrade(request, socket, head),
    )
    this.#server.on('secureConnection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    // A client that vanishes in a handshake is its own affair.
    this.#server.on('sessionError', (error) => this.#log.debug({ error: error.message }, 'session error'))
  }

  async listen(): Promise<number> {
    const { host, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => {
        const taken = error.code === 'EADDRINUSE' || error.code === 'EACCES'
        reject(
          taken
            ? new SluiceError('SL6001', `${host}:${port} (Kubernetes API; choose another with --api-port)`, {
                cause: error,
              })
            : error,
        )
      })
      this.#server.listen(port, host, resolve)
    })
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const watch of this.handler.watches) watch.close()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    // Clients keep connections open for their next request; there is none.
    for (const socket of this.#sockets) socket.destroySoon()
    await closed
  }

  async #onRequest(
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): Promise<void> {
    const started = performance.now()
    // A reset stream shows up here; the handlers notice by the close event.
    response.on('error', () => {})
    request.on('error', () => {})
    const user = this.#authenticator.authenticate(request)
    const exchange = new Exchange(request, response, user ?? { name: 'system:anonymous', groups: [] })
    response.on('close', () => this.#account(exchange, started))
    try {
      if (user === undefined && !ANONYMOUS.has(exchange.path)) throw unauthorized()
      refuseImpersonation(exchange)
      await this.#route(exchange)
    } catch (error) {
      if (!(error instanceof ApiError)) {
        this.#log.error(
          { method: exchange.method, path: exchange.path, error: (error as Error).stack },
          'request failed',
        )
      }
      exchange.fail(error)
    }
  }

  async #route(exchange: Exchange): Promise<void> {
    const { path } = exchange
    if (path.startsWith('/api/') || path.startsWith('/apis/')) {
      const request = parseResourcePath(this.#api.kinds, path)
      if (request !== undefined) return this.handler.handle(exchange, request)
    }
    exchange.verb = exchange.method
    if (serveDiscovery(exchange, this.#api.kinds)) return
    if (path === '/openapi/v2') {
      serveOpenApiV2(exchange)
      return
    }
    if (path === '/openapi/v3' || path.startsWith('/openapi/v3/')) return this.#openapi.serve(exchange)
    switch (path) {
      case '/version':
        return exchange.sendJson(200, versionInfo(this.#options.version))
      case '/healthz':
      case '/readyz':
      case '/livez':
        return exchange.send(200, 'text/plain; charset=utf-8', 'ok')
      case '/metrics':
        return exchange.send(200, 'text/plain; version=0.0.4; charset=utf-8', this.#options.registry.render())
      case '/':
        return exchange.sendJson(200, {
          paths: ['/api', '/apis', '/healthz', '/livez', '/metrics', '/openapi/v3', '/readyz', '/version'],
        })
      default:
        throw noSuchPath()
    }
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    const user = this.#authenticator.authenticate(request)
    upgradeExec(this.#api, this.#options.podRuntime(), request, socket, head, user)
  }

  #account({ verb, resource, method, path, user, response }: Exchange, started: number): void {
    const code = String(response.statusCode)
    this.#requests.with({ verb, resource, code }).add()
    if (this.#log.isLevelEnabled('debug')) {
      const milliseconds = Math.round((performance.now() - started) * 10) / 10
      this.#log.debug({ method, path, verb, resource, code, user: user.name, milliseconds }, 'request')
    }
  }
}

/** To ignore `kubectl --as` would answer a question that was not asked. */
function refuseImpersonation(exchange: Exchange): void {
  const user = exchange.header('impersonate-user')
  if (user === undefined) return
  const users = { group: '', plural: 'users', kind: 'User' }
  throw forbidden(users, user, 'the embedded API server has one user and no impersonation')
}

/** `major` and `minor` are what clients decide by: Google's kubectl dispatcher runs the kubectl of this minor version. */
function versionInfo(minor: string): object {
  return {
    major: '1',
    minor,
    gitVersion: `v1.${minor}.0+sluice`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: 'none',
    compiler: 'none',
    platform: `${process.platform}/${process.arch}`,
  }
}
