import { request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { KubeApiError } from './api-error.ts'
import type { KubeConfig } from './kubeconfig.ts'
import type { KubeObject, ResourceType } from './types.ts'

/** A page of a list: with `continue` there are more. */
export interface KubeList<T extends KubeObject = KubeObject> {
  metadata: { resourceVersion: string; continue?: string }
  items: T[]
}

/** One line of a watch. A BOOKMARK has nothing but a resource version, from which on to watch again. */
export interface WatchEvent<T extends KubeObject = KubeObject> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  object: T
}

/** What of a kind is listed; without a namespace those of all. */
export interface ListOptions {
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
  limit?: number
}

/** Query parameters of a patch. */
export interface PatchOptions {
  subresource?: 'status' | 'scale'
  fieldManager?: string
  /** Server-side apply only: take fields that other managers own. */
  force?: boolean
  /** `All`: check everything, store nothing. */
  dryRun?: 'All'
}

/** By media type: `merge` is RFC 7386, `json` RFC 6902, `apply` server-side apply. */
export type PatchType = 'merge' | 'json' | 'strategic' | 'apply'

const PATCH_CONTENT: Record<PatchType, string> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

interface RequestOptions {
  query?: Record<string, string | number | boolean | undefined>
  body?: unknown
  contentType?: string
  signal?: AbortSignal
  accept?: string
}

/**
 * A Kubernetes REST client over one keep-alive pool. Objects are plain JSON; failures are {@link KubeApiError}.
 * Hand-written because the official client loads 62 MB to do the same.
 */
export class KubeClient {
  readonly config: KubeConfig
  readonly #agent: Agent

  constructor(config: KubeConfig) {
    this.config = config
    this.#agent = new Agent({
      keepAlive: true,
      ca: config.caPem,
      cert: config.certPem,
      key: config.keyPem,
      rejectUnauthorized: config.insecure !== true,
    })
  }

  /** One request; resolves with the parsed JSON body. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of whatever kind the path names
  async request(method: string, path: string, options: RequestOptions = {}): Promise<any> {
    const response = await this.#send(method, path, options)
    const body = await readAll(response)
    const code = response.statusCode ?? 0
    if (code < 200 || code > 299) throw KubeApiError.from(code, body)
    if (!/json/.test(response.headers['content-type'] ?? 'json')) return body
    return body === '' ? undefined : JSON.parse(body)
  }

  async list<T extends KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<KubeList<T>> {
    const { namespace, ...query } = options
    return this.request('GET', pathOf(type, namespace), { query })
  }

  async get<T extends KubeObject>(type: ResourceType, name: string, namespace?: string): Promise<T> {
    return this.request('GET', pathOf(type, namespace, name))
  }

  async create<T extends KubeObject>(type: ResourceType, object: T, fieldManager?: string): Promise<T> {
    return this.request('POST', pathOf(type, object.metadata.namespace), { body: object, query: { fieldManager } })
  }

  async update<T extends KubeObject>(type: ResourceType, object: T, subresource?: 'status'): Promise<T> {
    const path = pathOf(type, object.metadata.namespace, object.metadata.name, subresource)
    return this.request('PUT', path, { body: object })
  }

  async patch<T extends KubeObject>(
    type: ResourceType,
    target: { name: string; namespace?: string },
    kind: PatchType,
    body: unknown,
    options: PatchOptions = {},
  ): Promise<T> {
    const { subresource, ...query } = options
    const path = pathOf(type, target.namespace, target.name, subresource)
    return this.request('PATCH', path, { body, query, contentType: PATCH_CONTENT[kind] })
  }

  /** Server-side apply: makes the object what it says, creating it where it is not. */
  async apply<T extends KubeObject>(type: ResourceType, object: T, fieldManager: string, force = true): Promise<T> {
    return this.patch(type, object.metadata, 'apply', object, { fieldManager, force })
  }

  async delete(
    type: ResourceType,
    target: { name: string; namespace?: string },
    options: { gracePeriodSeconds?: number; propagationPolicy?: string } = {},
  ): Promise<KubeObject> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options }
    return this.request('DELETE', pathOf(type, target.namespace, target.name), { body })
  }

  /**
   * Watches from a resourceVersion until the server ends the stream or the signal aborts. Rejects with the error that the
   * server sent in an ERROR event ({@link KubeApiError.expired} means: list again).
   */
  async watch<T extends KubeObject>(
    type: ResourceType,
    options: ListOptions & { resourceVersion?: string; signal: AbortSignal },
    onEvent: (event: WatchEvent<T>) => void,
  ): Promise<void> {
    const { namespace, signal, ...query } = options
    const response = await this.#send('GET', pathOf(type, namespace), {
      query: { ...query, watch: true, allowWatchBookmarks: true },
      signal,
    })
    const code = response.statusCode ?? 0
    if (code !== 200) throw KubeApiError.from(code, await readAll(response))
    response.setEncoding('utf8')
    let rest = ''
    for await (const chunk of response) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line === '') continue
        const event = JSON.parse(line)
        if (event.type === 'ERROR') throw new KubeApiError(event.object)
        onEvent(event)
      }
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #send(method: string, path: string, options: RequestOptions): Promise<IncomingMessage> {
    const url = new URL(this.config.server + path)
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value))
    }
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body))
    const headers: Record<string, string | number> = {
      accept: options.accept ?? 'application/json',
      'user-agent': 'sluice',
    }
    if (this.config.token !== undefined) headers['authorization'] = `Bearer ${this.config.token}`
    if (body !== undefined) {
      headers['content-type'] = options.contentType ?? 'application/json'
      headers['content-length'] = body.length
    }
    return new Promise((resolve, reject) => {
      const init = { method, headers, signal: options.signal }
      const request =
        url.protocol === 'https:'
          ? httpsRequest(url, { ...init, agent: this.#agent }, resolve)
          : httpRequest(url, init, resolve)
      request.on('error', reject)
      request.end(body)
    })
  }
}

/** `/api/v1/namespaces/ns/pods/name`, `/apis/group/version/…`. */
export function pathOf(type: ResourceType, namespace?: string, name?: string, subresource?: string): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`
  const scope = type.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  const tail = name === undefined ? '' : `/${encodeURIComponent(name)}`
  return `${root}${scope}/${type.plural}${tail}${subresource === undefined ? '' : `/${subresource}`}`
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
