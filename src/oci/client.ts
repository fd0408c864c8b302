import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { logger } from '../telemetry/log.ts'
import { type CredentialSource, defaultKeychain } from './credentials.ts'
import { digestLike, isDigest, sha256Digest, splitDigest } from './digest.ts'
import { EndpointSession, type SessionRequest } from './endpoint-session.ts'
import type { HostsSource } from './hosts/hosts-dir.ts'
import type { Capability } from './hosts/hosts-file.ts'
import {
  bodyError,
  type FileBody,
  type HttpResponse,
  type HttpTransport,
  type HttpTransportOptions,
  safeUrl,
} from './http-transport.ts'
import { type Descriptor, type Manifest, parseManifest } from './manifest.ts'
import { INDEX_TYPES, MANIFEST_ACCEPT, MediaType } from './media-types.ts'
import { endpointsOf, type MirrorRule } from './mirror.ts'
import { readAll } from './read-all.ts'
import { formatReference, type Reference, versionOf } from './reference.ts'
import { type Deadline, deadline, type RetryOptions, retrying } from './retry.ts'
import { SupplyError } from './supply-error.ts'

/** How registries are reached: shared by all fetches of a process. */
export interface RegistryOptions extends HttpTransportOptions {
  readonly mirrors?: readonly MirrorRule[]
  /** Settings of registries in containerd's form. */
  readonly hosts?: HostsSource
  readonly retry?: RetryOptions
}

/** How far a blob has come. A try that failed begins again at 0. */
export interface Transfer {
  readonly direction: 'download' | 'upload'
  readonly digest: string
  readonly size: number
  readonly done: number
}

/** What all requests of one client have in common. */
export interface ClientOptions extends RegistryOptions {
  /** Hears of blobs while they are transferred. */
  readonly onTransfer?: ((transfer: Transfer) => void) | undefined
  /** The machine's own unless told. */
  readonly credentials?: CredentialSource
  readonly limit?: Deadline
  /** Everything happens where a push may go: never at a registry that a mirror rule replaces, nor at a mirror that only serves. */
  readonly writing?: boolean
}

/** A request with what its endpoint must be able to do. */
interface Asked extends SessionRequest {
  readonly needs: Capability
}

/** A manifest as it was served. */
export interface FetchedManifest {
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Buffer
  readonly manifest: Manifest
}

const MAX_MANIFEST_BYTES = 4 * 1024 * 1024
const PUSH = { needs: 'push', access: 'pull,push' } as const
const RETRY: RetryOptions = { attempts: 4, initialMs: 500, maxMs: 10_000 }

const log = logger('wasm')

/** Reads and writes one repository of a registry, by way of its mirror where there is one. */
export class RegistryClient {
  readonly reference: Reference
  readonly #sessions: EndpointSession[]
  readonly #limit: Deadline
  readonly #retry: RetryOptions
  readonly #onTransfer: ((transfer: Transfer) => void) | undefined
  /** The endpoint that answered first is kept, so that manifest, layers and signatures come from one place. */
  readonly #chosen = new Map<Capability, EndpointSession>()
  /** Endpoints that had no answer: not asked again for something else while another one may have it. */
  readonly #failed = new Set<EndpointSession>()

  constructor(reference: Reference, transport: HttpTransport, options: ClientOptions = {}) {
    this.reference = reference
    this.#limit = options.limit ?? deadline(60_000, formatReference(reference))
    this.#retry = options.retry ?? RETRY
    this.#onTransfer = options.onTransfer
    const credentials = options.credentials ?? defaultKeychain()
    const { mirrors = [], hosts, writing = false } = options
    const rules = writing ? mirrors.map((rule) => ({ ...rule, exclusive: true })) : mirrors
    this.#sessions = endpointsOf(reference, rules, hosts)
      .filter(({ capabilities }) => !writing || capabilities.has('push'))
      .map((endpoint) => new EndpointSession(endpoint, transport, credentials))
  }

  /** Where the image was found, when that is not the registry that the reference names. */
  get source(): string | undefined {
    const endpoint = (this.#chosen.get('pull') ?? this.#chosen.get('resolve'))?.endpoint
    return endpoint?.isMirror ? `mirror ${endpoint.host}/${endpoint.repository}` : undefined
  }

  /** The manifest of a tag or digest (the reference's own unless told), its digest checked. */
  async manifest(version = versionOf(this.reference)): Promise<FetchedManifest> {
    const request: Asked = {
      method: 'GET',
      needs: neededFor(version),
      path: `manifests/${version}`,
      headers: { accept: MANIFEST_ACCEPT },
      accept: [200],
    }
    return await this.#withRetry(async () => {
      const response = await this.#send(request)
      const bytes = await readAll(response, MAX_MANIFEST_BYTES, this.#limit.signal)
      return checkManifest(response, bytes, version)
    })
  }

  /** The digest that a version has now, without its content; undefined where the registry does not say. */
  async head(version = versionOf(this.reference)): Promise<{ digest: string; mediaType: string } | undefined> {
    const headers = { accept: MANIFEST_ACCEPT }
    const needs = neededFor(version)
    const response = await this.#withRetry(() =>
      this.#send({ method: 'HEAD', needs, path: `manifests/${version}`, headers, accept: [200] }),
    )
    response.body.resume()
    const digest = response.headers['docker-content-digest']
    if (typeof digest !== 'string' || !isDigest(digest)) return undefined
    return { digest, mediaType: String(response.headers['content-type'] ?? '') }
  }

  /** Downloads a blob to a file that holds it only if size and digest are right. */
  async blobToFile(descriptor: Descriptor, path: string, maxBytes: number): Promise<void> {
    if (descriptor.size > maxBytes) throw tooLarge(descriptor, maxBytes)
    await this.#withRetry(async () => {
      const response = await this.#getBlob(descriptor)
      try {
        const checked = verified(descriptor, this.#onTransfer)
        await pipeline(response.body, checked, createWriteStream(path), { signal: this.#limit.signal })
      } catch (error) {
        await rm(path, { force: true })
        throw isDiskError(error) ? error : bodyError(error, response.url, this.#limit.signal)
      }
    })
  }

  /** A small blob in memory. */
  async blob(descriptor: Descriptor, maxBytes: number): Promise<Buffer> {
    if (descriptor.size > maxBytes) throw tooLarge(descriptor, maxBytes)
    return await this.#withRetry(async () => {
      const response = await this.#getBlob(descriptor)
      const bytes = await readAll(response, descriptor.size, this.#limit.signal)
      if (digestLike(descriptor.digest, bytes) !== descriptor.digest) throw wrongDigest(descriptor)
      return bytes
    })
  }

  #getBlob({ digest }: Descriptor): Promise<HttpResponse> {
    return this.#send({ method: 'GET', needs: 'pull', path: `blobs/${digest}`, accept: [200] })
  }

  /** All tags. */
  async tags(): Promise<string[]> {
    const request: Asked = { method: 'GET', needs: 'resolve', path: 'tags/list?n=1000', accept: [200] }
    const response = await this.#withRetry(() => this.#send(request))
    const answer = jsonOf(await readAll(response, MAX_MANIFEST_BYTES, this.#limit.signal), response)
    const { tags } = answer as { tags?: unknown }
    return Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : []
  }

  /** What refers to a manifest: the referrers API, or the index under the fallback tag where the registry has none. */
  async referrers(digest: string): Promise<readonly Descriptor[]> {
    const response = await this.#withRetry(() =>
      this.#send({
        method: 'GET',
        needs: 'resolve',
        path: `referrers/${digest}`,
        headers: { accept: MediaType.ociIndex },
        accept: [200, 400, 404],
      }),
    )
    const bytes = await readAll(response, MAX_MANIFEST_BYTES, this.#limit.signal)
    if (response.status === 200) {
      const index = parseManifest(bytes)
      if (typeof index === 'string') throw new SupplyError('SL3009', `${safeUrl(response.url)}: ${index}`)
      return index.manifests ?? []
    }
    const { algorithm, hex } = splitDigest(digest)
    try {
      return (await this.manifest(`${algorithm}-${hex}`)).manifest.manifests ?? []
    } catch (error) {
      if (error instanceof SupplyError && error.code === 'SL3006') return []
      throw error
    }
  }

  /** Uploads a blob unless the registry holds it; returns its descriptor. */
  async putBlob(mediaType: string, bytes: Uint8Array, annotations?: Record<string, string>): Promise<Descriptor> {
    const digest = sha256Digest(bytes)
    await this.#upload(digest, bytes.length, bytes)
    return { mediaType, digest, size: bytes.length, ...(annotations === undefined ? {} : { annotations }) }
  }

  /** The same from a file that is known to hold the blob. */
  async putBlobFile({ digest, size }: Descriptor, path: string): Promise<void> {
    await this.#upload(digest, size, { path, size })
  }

  async hasBlob(digest: string): Promise<boolean> {
    const path = `blobs/${digest}`
    const response = await this.#withRetry(() => this.#send({ ...PUSH, method: 'HEAD', path, accept: [200, 404] }))
    response.body.resume()
    return response.status === 200
  }

  async #upload(digest: string, size: number, body: Uint8Array | FileBody): Promise<void> {
    if (await this.hasBlob(digest)) return
    await this.#withRetry(async () => {
      const begun = await this.#send({ ...PUSH, method: 'POST', path: 'blobs/uploads/', accept: [202] })
      begun.body.resume()
      const location = URL.parse(begun.headers.location ?? '', begun.url.href)
      if (location === null) throw new SupplyError('SL3009', `${safeUrl(begun.url)} gives no Location for the upload`)
      location.searchParams.set('digest', digest)
      const headers = { 'content-type': 'application/octet-stream' }
      const onSent = (done: number) => this.#onTransfer?.({ direction: 'upload', digest, size, done })
      const put = await this.#send({ ...PUSH, method: 'PUT', path: location, headers, body, onSent, accept: [201] })
      put.body.resume()
    })
  }

  /** Uploads a manifest under a tag or by its digest; returns the digest. */
  async putManifest(manifest: Manifest | Uint8Array, mediaType: string, version?: string): Promise<string> {
    const bytes = manifest instanceof Uint8Array ? manifest : Buffer.from(JSON.stringify(manifest))
    const digest = sha256Digest(bytes)
    const path = `manifests/${version ?? digest}`
    const headers = { 'content-type': mediaType }
    const response = await this.#withRetry(() =>
      this.#send({ ...PUSH, method: 'PUT', path, headers, body: bytes, accept: [201] }),
    )
    response.body.resume()
    return digest
  }

  async deleteManifest(version: string): Promise<void> {
    const path = `manifests/${version}`
    const response = await this.#send({ ...PUSH, method: 'DELETE', path, accept: [202], access: 'pull,push,delete' })
    response.body.resume()
  }

  /** Asks the endpoints that are able to, in order, until one has an answer; the last one's error counts, with what the others said. */
  async #send(request: Asked): Promise<HttpResponse> {
    const asked = { ...request, signal: this.#limit.signal }
    const kept = this.#chosen.get(request.needs)
    if (kept !== undefined) return await kept.send(asked)
    const able = this.#sessions.filter(({ endpoint }) => endpoint.capabilities.has(request.needs))
    const hopeful = able.filter((session) => !this.#failed.has(session))
    const sessions = hopeful.length > 0 ? hopeful : able
    const said: string[] = []
    for (const [at, session] of sessions.entries()) {
      try {
        return await this.#choose(session, asked)
      } catch (error) {
        this.#failed.add(session)
        if (!(error instanceof SupplyError)) throw error
        if (at === sessions.length - 1) throw withMirrors(error, said)
        const { host } = session.endpoint
        log.info({ mirror: host, reason: error.message }, 'the mirror does not serve it; asking the next')
        said.push(`its mirror ${host} said: ${error.message}`)
      }
    }
    const where = formatReference(this.reference)
    throw new SupplyError('SL3032', `no host of ${where} has the capability «${request.needs}»`)
  }

  async #choose(session: EndpointSession, asked: Asked): Promise<HttpResponse> {
    const response = await session.send(asked)
    const isNew = ![...this.#chosen.values()].includes(session)
    this.#chosen.set(asked.needs, session)
    if (isNew && session.endpoint.isMirror) {
      log.info({ image: formatReference(this.reference), mirror: session.endpoint.host }, 'served by a mirror')
    }
    return response
  }

  #withRetry<T>(attempt: () => Promise<T>): Promise<T> {
    return retrying(this.#retry, this.#limit, attempt)
  }
}

/** A digest may come from anywhere; what a tag means, only from where it is known. */
function neededFor(version: string): Capability {
  return isDigest(version) ? 'pull' : 'resolve'
}

function withMirrors(error: SupplyError, said: readonly string[]): SupplyError {
  if (said.length === 0) return error
  const { code, detail, retryable, retryAfterMs } = error
  return new SupplyError(code, [detail, ...said].join('; '), { retryable, retryAfterMs, cause: error })
}

function checkManifest(response: HttpResponse, bytes: Buffer, version: string): FetchedManifest {
  const where = safeUrl(response.url)
  const digest = isDigest(version) ? digestLike(version, bytes) : sha256Digest(bytes)
  const promised = isDigest(version) ? version : response.headers['docker-content-digest']
  if (typeof promised === 'string' && isDigest(promised) && digestLike(promised, bytes) !== promised) {
    throw new SupplyError('SL3010', `${where}: expected ${promised}, found ${digest}`, { retryable: true })
  }
  const manifest = parseManifest(bytes)
  if (typeof manifest === 'string') throw new SupplyError('SL3012', `${where}: could not fetch manifest: ${manifest}`)
  const served = response.headers['content-type']?.split(';')[0].trim() ?? ''
  return { digest, mediaType: manifest.mediaType ?? served, bytes, manifest }
}

/** Passes a blob's bytes on and fails at the end, or as soon as it is too long, if it is not that blob. */
function verified(
  descriptor: Descriptor,
  onTransfer?: (transfer: Transfer) => void,
): (source: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  return async function* (source) {
    const { algorithm, hex } = splitDigest(descriptor.digest)
    const transfer = { direction: 'download', digest: descriptor.digest, size: descriptor.size } as const
    const hash = createHash(algorithm)
    let size = 0
    for await (const chunk of source) {
      size += chunk.length
      if (size > descriptor.size) throw wrongDigest(descriptor, `longer than its ${descriptor.size} bytes`)
      hash.update(chunk)
      onTransfer?.({ ...transfer, done: size })
      yield chunk
    }
    if (size < descriptor.size) throw wrongDigest(descriptor, `${size} of ${descriptor.size} bytes arrived`)
    if (hash.digest('hex') !== hex) throw wrongDigest(descriptor)
  }
}

function wrongDigest({ digest }: Descriptor, detail = 'the bytes are others'): SupplyError {
  return new SupplyError('SL3010', `blob ${digest}: ${detail}`, { retryable: true })
}

function tooLarge({ digest, size }: Descriptor, maxBytes: number): SupplyError {
  return new SupplyError('SL3013', `blob ${digest} has ${size} bytes, the limit is ${maxBytes}`)
}

function isDiskError(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EIO', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')
}

function jsonOf(bytes: Buffer, response: HttpResponse): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    throw new SupplyError('SL3009', `${safeUrl(response.url)} gave no JSON`)
  }
}

/** Whether a media type is an index or a manifest list. */
export function isIndex({ mediaType, manifest }: FetchedManifest): boolean {
  return INDEX_TYPES.includes(mediaType) || (manifest.manifests !== undefined && manifest.layers === undefined)
}
