import { createReadStream } from 'node:fs'
import {
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
} from 'node:http'
import { type AgentOptions, Agent as HttpsAgent, request as secureRequest } from 'node:https'
import { pipeline } from 'node:stream'
import { rootCertificates } from 'node:tls'
import { SluiceError } from '../errors.ts'
import { AddressGuard } from './address-guard.ts'
import { SupplyError } from './supply-error.ts'

/** Where requests may go, and whom they trust there. */
export interface HttpTransportOptions {
  /** More address ranges that are never connected to. */
  readonly blockedCidrs?: readonly string[]
  /** `host[:port]` exactly as in the URL, or `*`: their certificates are not checked (WASM_INSECURE_REGISTRIES). */
  readonly insecure?: readonly string[]
  /** `host[:port]` -> PEM of certificate authorities that are trusted for it beside the public ones. */
  readonly ca?: Readonly<Record<string, string>>
  /** How long a server may keep silent, before its answer and within it; 15 s unless told. */
  readonly silenceMs?: number
}

/** What an origin has of its own, beside what holds for all. */
export interface TlsSettings {
  /** PEM of certificate authorities that are trusted beside the public ones. */
  readonly ca: readonly string[]
  /** PEM of what proves who the client is. */
  readonly certificates: readonly { readonly cert: string; readonly key: string }[]
  /** The certificate of the server is not checked. */
  readonly insecure: boolean
}

/** What is for one origin alone: a redirect to another goes without. */
export interface OriginSettings {
  readonly headers?: OutgoingHttpHeaders
  readonly tls?: TlsSettings
}

/** One request; redirects are followed. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers?: OutgoingHttpHeaders
  readonly body?: Uint8Array | FileBody
  readonly own?: OriginSettings
  /** Hears how many bytes of the body have been handed on. */
  readonly onSent?: (bytes: number) => void
  readonly signal?: AbortSignal | undefined
}

/** A body that is streamed from a file. */
export interface FileBody {
  readonly path: string
  readonly size: number
}

/** An answer, of whatever status. */
export interface HttpResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Read it to its end, or destroy it. */
  readonly body: IncomingMessage
  /** After redirects. */
  readonly url: URL
}

const MAX_REDIRECTS = 10
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** HTTP for module fetches: every hop is checked, no credential crosses to another origin, nothing waits for ever. */
export class HttpTransport {
  readonly #guard: AddressGuard
  readonly #options: HttpTransportOptions
  readonly #http: HttpAgent
  readonly #https = new Map<string, HttpsAgent>()

  constructor(options: HttpTransportOptions = {}) {
    this.#options = options
    this.#guard = new AddressGuard(options.blockedCidrs)
    this.#http = new HttpAgent({ keepAlive: true })
  }

  isInsecure(host: string): boolean {
    const { insecure = [] } = this.#options
    return insecure.includes(host) || insecure.includes('*')
  }

  /** Closes idle connections. */
  close(): void {
    this.#http.destroy()
    for (const agent of this.#https.values()) agent.destroy()
  }

  /** One exchange; redirects of GET and HEAD are followed. Rejects with a SupplyError, or with the signal's reason. */
  async send(asked: HttpRequest): Promise<HttpResponse> {
    let current = asked
    const seen = new Set<string>()
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await this.#hop(current)
      if (!REDIRECTS.has(response.status) || (asked.method !== 'GET' && asked.method !== 'HEAD')) return response
      response.body.destroy()
      seen.add(current.url.href)
      current = { ...current, ...redirected(current, response) }
      if (seen.has(current.url.href)) throw new SupplyError('SL3016', `${safeUrl(asked.url)} redirects in a circle`)
    }
    throw new SupplyError('SL3016', `${safeUrl(asked.url)}: stopped after ${MAX_REDIRECTS} redirects`)
  }

  #hop({ method, url, headers, body, own, onSent, signal }: HttpRequest): Promise<HttpResponse> {
    const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>()
    const fail = (error: Error) => reject(signal?.aborted ? signal.reason : transportError(error, url))
    try {
      signal?.throwIfAborted()
      this.#guard.checkHost(url.hostname)
    } catch (error) {
      return Promise.reject(error)
    }
    let incoming: IncomingMessage | undefined
    const secure = url.protocol === 'https:'
    const outgoing = (secure ? secureRequest : request)(
      {
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        path: url.pathname + url.search,
        method,
        headers: {
          'user-agent': 'sluice',
          ...own?.headers,
          ...headers,
          ...(body === undefined ? {} : { 'content-length': lengthOf(body) }),
        },
        agent: secure ? this.#agentFor(url.host, own?.tls) : this.#http,
        lookup: this.#guard.lookup,
        timeout: this.#options.silenceMs ?? 15_000,
        ...(signal === undefined ? {} : { signal }),
      },
      (response) => {
        incoming = response
        response.once('error', () => {}) // whoever reads the body sees it; an unread one must not end the process
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response, url })
      },
    )
    outgoing.once('timeout', () => {
      const silent = new SupplyError('SL3015', `${safeUrl(url)} fell silent`, { retryable: true })
      // Destroying the request would lose the reason once a body is being read.
      if (incoming !== undefined) incoming.destroy(silent)
      else outgoing.destroy(silent)
    })
    outgoing.on('error', fail)
    if (body === undefined) outgoing.end()
    else pipeline(partsOf(body, onSent), outgoing, (error) => error && fail(error))
    return promise
  }

  #agentFor(host: string, tls: TlsSettings | undefined): HttpsAgent {
    const key = tls === undefined ? host : `${host} ${JSON.stringify(tls)}`
    let agent = this.#https.get(key)
    if (agent === undefined) {
      const insecure = tls?.insecure === true || this.isInsecure(host)
      const options: AgentOptions = { keepAlive: true, rejectUnauthorized: !insecure }
      const ca = [...(tls?.ca ?? []), ...(this.#options.ca?.[host] === undefined ? [] : [this.#options.ca[host]])]
      if (ca.length > 0) options.ca = [...rootCertificates, ...ca]
      if (tls !== undefined && tls.certificates.length > 0) {
        options.cert = tls.certificates.map(({ cert }) => cert)
        options.key = tls.certificates.map(({ key: own }) => own)
      }
      agent = new HttpsAgent(options)
      this.#https.set(key, agent)
    }
    return agent
  }
}

const PART_BYTES = 1 << 16

/** A body in parts, as fast as the connection takes them. */
async function* partsOf(body: Uint8Array | FileBody, onSent?: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const parts = body instanceof Uint8Array ? slicesOf(body) : createReadStream(body.path)
  let sent = 0
  for await (const part of parts) {
    yield part
    sent += part.length
    onSent?.(sent)
  }
}

function* slicesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PART_BYTES) yield bytes.subarray(at, at + PART_BYTES)
}

function lengthOf(body: Uint8Array | FileBody): number {
  return body instanceof Uint8Array ? body.length : body.size
}

/** The next request of a redirect. */
function redirected(from: HttpRequest, response: HttpResponse): Pick<HttpRequest, 'url' | 'headers' | 'own'> {
  const location = response.headers.location ?? ''
  const url = URL.parse(location, from.url.href)
  if (location === '' || url === null) throw new SupplyError('SL3016', `${safeUrl(from.url)} redirects to nowhere`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new SupplyError('SL3016', `${safeUrl(from.url)} redirects to the scheme ${url.protocol}`)
  }
  if (from.url.protocol === 'https:' && url.protocol === 'http:') {
    throw new SupplyError('SL3016', `${safeUrl(from.url)} redirects from https to plain http`)
  }
  url.username = ''
  url.password = ''
  const headers = { ...from.headers }
  if (url.origin === from.url.origin) return { url, headers }
  delete headers['authorization']
  return { url, headers, own: {} }
}

/** A URL fit for messages: user, password and query (where signed URLs keep their secret) are left out. */
export function safeUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`
}

function transportError(error: Error, url: URL): SluiceError {
  if (error instanceof SluiceError) return error
  const code = (error as NodeJS.ErrnoException).code ?? ''
  // A TLS handshake that meets plain text fails in the record layer.
  const speaksPlainHttp =
    code === 'EPROTO' || code.startsWith('ERR_SSL_WRONG_VERSION') || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG'
  const certificate = /CERT|SELF_SIGNED|UNABLE_TO_|HOSTNAME|ALTNAME/.test(code)
  // A definite no: trying again within the same fetch would only hold back the cause; the agent tries in the background.
  const definite = certificate || speaksPlainHttp || code === 'ENOTFOUND' || code === 'ECONNREFUSED'
  const reason = speaksPlainHttp ? 'it seems to speak plain HTTP, not TLS' : error.message || code
  return new SupplyError('SL3003', `${safeUrl(url)}: ${reason}`, {
    cause: error,
    retryable: !definite,
    speaksPlainHttp,
  })
}

/** Maps errors that a body shows while it is read. */
export function bodyError(error: unknown, url: URL, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason
  if (error instanceof SluiceError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new SupplyError('SL3010', `${safeUrl(url)}: the transfer was cut short (${reason})`, {
    retryable: true,
    cause: error,
  })
}
