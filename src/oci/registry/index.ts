/**
 * An OCI distribution registry (spec 1.1: pull, push, content discovery, content management) on a folder. It is the standalone's
 * registry and serves as a mirror for other registries' names; any client can use it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SluiceError } from '../../errors.ts'
import { logger } from '../../telemetry/log.ts'
import type { Registry as Metrics } from '../../telemetry/metrics.ts'
import { checkAccess, type RegistryAuth } from './access.ts'
import { serveBlob, serveUpload } from './blobs.ts'
import { RegistryError } from './errors.ts'
import { Exchange } from './exchange.ts'
import { serveCatalog, serveTags } from './lists.ts'
import { serveManifest, serveReferrers } from './manifests.ts'
import { checkName } from './names.ts'
import { RegistryStorage } from './storage.ts'
import { Uploads } from './uploads.ts'

export type { RegistryAuth } from './access.ts'

/** Where it listens, what it keeps, and who may write. */
export interface RegistryServerOptions {
  /** Where it keeps its files; made when absent. */
  readonly dir: string
  /** 127.0.0.1 unless told. */
  readonly host?: string
  /** 0 takes any free one. */
  readonly port: number
  readonly auth?: RegistryAuth
  readonly metrics?: Metrics
}

/** A registry that runs. */
export interface RegistryServer {
  /** `host:port`, as it stands in a reference. */
  readonly address: string
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

const log = logger('registry')

/** Starts the registry; resolves when it takes connections. */
export async function startRegistry(options: RegistryServerOptions): Promise<RegistryServer> {
  const host = options.host ?? '127.0.0.1'
  const storage = new RegistryStorage(options.dir)
  const uploads = new Uploads(storage)
  const requests = options.metrics?.counter('sluice_registry_requests_total', 'Requests by method and status.')
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    response.once('close', () => {
      requests?.with({ method: request.method ?? '', code: String(response.statusCode) }).add()
    })
    void opened.then(() => handle(options.auth, storage, uploads, request, response))
  })
  await listen(server, host, options.port)
  // Opening clears what a crash left, so it waits until the port proves that no other registry runs on the folder.
  const opened = storage.open()
  await opened
  const { port } = server.address() as AddressInfo
  log.info({ host, port, dir: options.dir }, 'registry listens')
  return {
    address: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    host,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function handle(
  auth: RegistryAuth | undefined,
  storage: RegistryStorage,
  uploads: Uploads,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('docker-distribution-api-version', 'registry/2.0')
  try {
    checkAccess(auth, request.method ?? '', request.headers.authorization)
    const [path, query = ''] = (request.url ?? '/').split('?', 2)
    await route(new Exchange(request, response, new URLSearchParams(query), storage, uploads), path)
  } catch (error) {
    if (response.headersSent || response.destroyed) {
      response.destroy()
      return
    }
    if (!(error instanceof RegistryError)) log.error({ err: error, url: request.url }, 'registry request failed')
    const known = error instanceof RegistryError ? error : new RegistryError(500, 'UNSUPPORTED', 'internal error')
    if (known.status === 401) response.setHeader('www-authenticate', 'Basic realm="sluice registry", charset="UTF-8"')
    const body = known.body()
    response.statusCode = known.status
    response.setHeader('content-type', 'application/json')
    response.setHeader('content-length', Buffer.byteLength(body))
    // A body that was not read to its end would be taken for the next request.
    if (!request.complete) response.setHeader('connection', 'close')
    response.end(request.method === 'HEAD' ? undefined : body)
  }
}

/** Names contain slashes, so the path is read from its end. */
const ROUTE = /^\/v2\/(.+)\/(?:(blobs\/uploads)\/([^/]*)|(blobs|manifests|referrers)\/([^/]+)|(tags)\/list)$/

async function route(exchange: Exchange, path: string): Promise<void> {
  if (path === '/v2/' || path === '/v2') return exchange.json({})
  if (path === '/v2/_catalog') return await serveCatalog(exchange)
  const match = ROUTE.exec(path)
  if (match === null) throw new RegistryError(404, 'NAME_UNKNOWN', 'no such endpoint')
  const name = checkName(match[1])
  if (match[2] !== undefined) return await serveUpload(exchange, name, match[3])
  if (match[6] !== undefined) return await serveTags(exchange, name)
  const reference = decodeReference(match[5])
  switch (match[4]) {
    case 'blobs':
      return await serveBlob(exchange, name, reference)
    case 'manifests':
      return await serveManifest(exchange, name, reference)
    default:
      return await serveReferrers(exchange, name, reference)
  }
}

/** Some clients send the colon of a digest as %3A. */
function decodeReference(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new RegistryError(400, 'DIGEST_INVALID', 'the reference is not valid percent-encoding')
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE' ? new SluiceError('SL6001', `registry, ${host}:${port}`, { cause: error }) : error,
      )
    })
    server.listen(port, host, resolve)
  })
}
