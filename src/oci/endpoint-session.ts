import type { OutgoingHttpHeaders } from 'node:http'
import { isInsideHost, parseChallenges } from './challenge.ts'
import type { CredentialSource } from './credentials.ts'
import { type FileBody, type HttpRequest, type HttpResponse, type HttpTransport, safeUrl } from './http-transport.ts'
import type { Endpoint } from './mirror.ts'
import { readAll } from './read-all.ts'
import { SupplyError, statusError } from './supply-error.ts'
import { basicAuth, fetchToken } from './token.ts'

/** Which operations a token is asked for. */
export type Access = 'pull' | 'pull,push' | 'pull,push,delete'

/** A request about one repository at one endpoint. */
export interface SessionRequest {
  readonly method: HttpRequest['method']
  /** After the repository, or a whole URL (of an upload's Location). */
  readonly path: string | URL
  readonly headers?: OutgoingHttpHeaders
  readonly body?: Uint8Array | FileBody
  /** Statuses that are answers; every other one is thrown. */
  readonly accept: readonly number[]
  readonly access?: Access
  readonly onSent?: (bytes: number) => void
  readonly signal?: AbortSignal | undefined
}

/** Talks to one repository at one endpoint: finds out the scheme, answers challenges, remembers both. */
export class EndpointSession {
  readonly endpoint: Endpoint
  readonly #transport: HttpTransport
  readonly #credentials: CredentialSource
  #scheme: 'http:' | 'https:'
  #authorization = new Map<Access, string>()

  constructor(endpoint: Endpoint, transport: HttpTransport, credentials: CredentialSource) {
    this.endpoint = endpoint
    this.#transport = transport
    this.#credentials = credentials
    this.#scheme = endpoint.plainHttp ? 'http:' : 'https:'
  }

  /** One request with everything that the registry's protocol wants around it. */
  async send(asked: SessionRequest): Promise<HttpResponse> {
    const access = asked.access ?? 'pull'
    let response = await this.#attempt(asked, access)
    if (response.status === 401) {
      await this.#authorize(response, access, asked.signal)
      response = await this.#attempt(asked, access)
    }
    if (asked.accept.includes(response.status)) return response
    const detail = await this.#errorDetail(response, asked.signal)
    const what = `${asked.method} ${safeUrl(this.#url(asked.path))}${detail}`
    throw statusError(response.status, what, response.headers['retry-after'])
  }

  url(path: string): URL {
    return this.#url(path)
  }

  async #attempt(asked: SessionRequest, access: Access): Promise<HttpResponse> {
    const authorization = this.#authorization.get(access)
    const { method, body, onSent, signal } = asked
    const send = () => {
      const url = this.#url(asked.path)
      // An upload's Location may name another host; what this registry was given is not for it.
      const same = url.host === this.endpoint.host
      const headers = { ...asked.headers, ...(authorization !== undefined && same ? { authorization } : {}) }
      const own = same ? this.endpoint.own : {}
      const content = { ...(body === undefined ? {} : { body }), ...(onSent === undefined ? {} : { onSent }) }
      return this.#transport.send({ method, url, headers, own, ...content, signal })
    }
    try {
      return await send()
    } catch (error) {
      const plain = error instanceof SupplyError && error.speaksPlainHttp && this.#scheme === 'https:'
      if (!plain || !this.#mayBePlain()) throw error
      this.#scheme = 'http:'
      return await send()
    }
  }

  /** As go-containerregistry: the own machine and network may speak plain HTTP; any other registry only if named as insecure. */
  #mayBePlain(): boolean {
    const { hostname } = new URL(`http://${this.endpoint.host}`)
    return isInsideHost(hostname) || this.#transport.isInsecure(this.endpoint.host)
  }

  #url(path: string | URL): URL {
    if (path instanceof URL) return path
    const { host, root, repository, namespace } = this.endpoint
    const url = new URL(`${this.#scheme}//${host}${root}/${repository}/${path}`)
    if (namespace !== undefined) url.searchParams.set('ns', namespace)
    return url
  }

  async #authorize(refused: HttpResponse, access: Access, signal: AbortSignal | undefined): Promise<void> {
    const challenges = parseChallenges(String(refused.headers['www-authenticate'] ?? ''))
    refused.body.resume()
    const registry = this.#url('')
    const { host, repository, own } = this.endpoint
    const credential = await this.#credentials(
      `${host === 'registry-1.docker.io' ? 'index.docker.io' : host}/${repository}`,
    )
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
    if (bearer !== undefined) {
      const scope = `repository:${repository}:${access}`
      const asker = { transport: this.#transport, registry, own, signal }
      const token = credential?.registryToken ?? (await fetchToken(asker, bearer.params, scope, credential))
      this.#authorization.set(access, `Bearer ${token}`)
      return
    }
    const basic = credential === undefined ? undefined : basicAuth(credential)
    if (!challenges.some(({ scheme }) => scheme === 'basic') || basic === undefined) {
      const why = credential === undefined ? 'there are none for it' : 'none of its challenges can be answered'
      throw new SupplyError('SL3004', `${host}: ${why}`)
    }
    this.#authorization.set(access, basic)
  }

  /** The message of the registry's own error body, as far as it is one. */
  async #errorDetail(response: HttpResponse, signal: AbortSignal | undefined): Promise<string> {
    try {
      const body = JSON.parse((await readAll(response, 64 * 1024, signal)).toString())
      const { code = '', message = '' } = body.errors[0]
      return ` (${`${code} ${message}`.trim().slice(0, 200)})`
    } catch {
      return ''
    }
  }
}
