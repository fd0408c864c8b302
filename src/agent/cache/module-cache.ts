import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SluiceError } from '../../errors.ts'
import {
  type CredentialSource,
  DEFAULT_LIMITS,
  type Deadline,
  deadline,
  defaultKeychain,
  fetchModule,
  fromDockerConfigJson,
  HttpTransport,
  RegistryClient,
  type ResolvedImage,
  resolveImage,
  SupplyError,
  sha256Hex,
  verifyDetached,
  verifyImage,
} from '../../oci/index.ts'
import { logger } from '../../telemetry/log.ts'
import { Registry } from '../../telemetry/metrics.ts'
import { fetchSignature, readSignature } from '../fetch/detached-signature.ts'
import { fetchByHttp } from '../fetch/http-fetch.ts'
import { checkMagic, measureFile } from '../fetch/magic.ts'
import { type FetchResult, SupplyMetrics } from '../metrics.ts'
import { type ModuleUrl, parseModuleUrl } from '../module-url.ts'
import { mayReuse, type PullPolicy } from '../pull-policy.ts'
import { withFileLock } from './file-lock.ts'
import { type Entry, IndexFiles } from './index-files.ts'
import { importFile } from './local-file.ts'
import { ModuleFiles } from './module-files.ts'
import type { ModuleCacheOptions } from './options.ts'
import { purge } from './purge.ts'
import { SingleFlight } from './single-flight.ts'

export interface ModuleRequest {
  /** `oci://`, `http(s)://` or `file://`; without scheme it is an image. */
  readonly url: string
  /** Hex: manifest digest of an image, else of the unpacked bytes. Empty or `nil` is none. */
  readonly sha256?: string
  /** Of the ECDS resource. */
  readonly resourceName: string
  readonly resourceVersion?: string
  readonly pullPolicy?: PullPolicy | undefined
  /** `.dockerconfigjson`; undefined means the machine's own credentials. */
  readonly pullSecret?: string | undefined
  /** PEM: a signature by this key is required. */
  readonly verificationKey?: string | undefined
  /** Of everything together; 5 s unless told, as in Istio. */
  readonly timeoutMs?: number
}

export interface CachedModule {
  readonly path: string
  /** `sha256:<hex>`: manifest digest of an image, else of the bytes. */
  readonly digest: string
  /** Hex, of the module's bytes. */
  readonly sha256: string
  readonly size: number
  /** Where it came from in fact, when a mirror or a redirect made that differ from the URL. */
  readonly source?: string
  readonly fromCache: boolean
  /** The module stays in the cache until this is called. */
  readonly release: () => void
}

const log = logger('wasm')
const DEFAULT_TIMEOUT_MS = 5000

/** What a request comes down to, before anything is fetched. */
interface Asked {
  readonly request: ModuleRequest
  readonly url: ModuleUrl
  /** Hex that the result must have. */
  readonly expected: string | undefined
  readonly secret: string
  readonly key: string | undefined
}

/**
 * Modules by reference: from disk if the pull policy lets it, else fetched once however many ask, checked, and stored by content.
 * Several processes may share a folder.
 */
export class ModuleCache {
  readonly metrics: SupplyMetrics
  readonly #options: ModuleCacheOptions
  readonly #files: ModuleFiles
  readonly #index: IndexFiles
  readonly #transport: HttpTransport
  readonly #flights = new SingleFlight<Entry>()
  readonly #keychain = defaultKeychain()
  #timer: NodeJS.Timeout | undefined

  constructor(options: ModuleCacheOptions) {
    this.#options = options
    this.metrics = new SupplyMetrics(options.metrics ?? new Registry())
    this.#files = new ModuleFiles(options.dir)
    this.#index = new IndexFiles(options.dir)
    this.#transport = new HttpTransport(options.registries)
  }

  /** Makes the folders, clears what a crash left, and starts the purge timer. */
  async open(): Promise<this> {
    // A disk that is full must not keep the agent from serving what is on it.
    await this.#files
      .open()
      .catch((error) => log.warn({ err: error, dir: this.#options.dir }, 'the module cache cannot be written'))
    const { purgeIntervalMs = 3_600_000 } = this.#options
    await this.#count()
    if (purgeIntervalMs > 0) {
      this.#timer = setInterval(() => void this.#tick(), Math.min(purgeIntervalMs, this.#heartbeatMs))
      this.#timer.unref()
    }
    return this
  }

  close(): void {
    clearInterval(this.#timer)
    this.#transport.close()
  }

  /** The module of a reference. Rejects with a SluiceError that says why there is none. */
  async get(request: ModuleRequest): Promise<CachedModule> {
    const url = parseModuleUrl(request.url)
    const expected = expectedChecksum(request, url)
    const { pullSecret, verificationKey } = request
    const asked: Asked = {
      request,
      url,
      expected,
      secret: url.scheme === 'oci' && pullSecret !== undefined ? sha256Hex(pullSecret) : '',
      key: verificationKey === undefined ? undefined : sha256Hex(verificationKey.trim()),
    }
    const known = await this.#known(asked)
    this.metrics.lookedUp(known !== undefined)
    if (known !== undefined) return await this.#hand(asked, known, true)
    const wanted = [url.url, expected, asked.secret, asked.key, request.pullPolicy === 'Always' ? 'always' : '']
    const flight = sha256Hex(wanted.join('\n'))
    const entry = await this.#flights.run(flight, () => this.#fetch(asked, flight))
    return await this.#hand(asked, entry, false)
  }

  /** Leases a module by its content, if it is there. */
  async hold(sha256: string): Promise<{ path: string; release: () => void } | undefined> {
    const release = this.#files.lease(sha256)
    if (await this.#files.has(sha256)) return { path: this.#files.path(sha256), release }
    release()
    return undefined
  }

  /** Removes what the rules let go; runs by itself every interval. */
  async purge(now = Date.now()): Promise<number> {
    await this.#files.renewLeases()
    const { expiryMs = 24 * 3_600_000, maxBytes = 4 * 2 ** 30 } = this.#options
    const removed = await purge(this.#files, this.#index, { expiryMs, maxBytes, graceMs: 3 * this.#heartbeatMs }, now)
    await this.#count()
    return removed
  }

  /** Leases are renewed well before another process could take them for expired. */
  get #heartbeatMs(): number {
    return Math.max(10, Math.min(60_000, (this.#options.expiryMs ?? 24 * 3_600_000) / 4))
  }

  async #tick(): Promise<void> {
    try {
      await this.purge()
    } catch (error) {
      log.warn({ err: error }, 'the module cache cannot be purged')
    }
  }

  async #count(): Promise<void> {
    this.metrics.entries.set((await this.#index.entries()).length)
  }

  /** The cached module that may be used without asking anybody. */
  async #known(asked: Asked): Promise<Entry | undefined> {
    const { url, request, expected } = asked
    if (url.scheme === 'file') return undefined
    const entry = await this.#remembered(asked, expected ?? pinned(url))
    if (entry !== undefined || expected !== undefined || pinned(url) !== undefined) return entry
    const record = await this.#index.url(url.url)
    if (record === undefined) return undefined
    const pulledFor = record.versions[request.resourceName]
    if (!mayReuse(url, request.pullPolicy, pulledFor, request.resourceVersion ?? '')) return undefined
    return await this.#remembered(asked, record.checksum)
  }

  /**
   * An entry that this asker may have: pulled before with the same credentials (or it would be a way to another tenant's
   * images), signed by the key that is asked for, and still on disk as it was.
   */
  async #remembered({ url, secret, key }: Asked, checksum: string | undefined): Promise<Entry | undefined> {
    const entry = checksum === undefined ? undefined : await this.#index.entry(url.name, checksum)
    if (entry === undefined || !entry.secrets.includes(secret)) return undefined
    if (key !== undefined && !entry.keys.includes(key)) return undefined
    return (await this.#files.has(entry.sha256)) ? entry : undefined
  }

  async #hand(asked: Asked, entry: Entry, fromCache: boolean): Promise<CachedModule> {
    const release = this.#files.lease(entry.sha256)
    try {
      await this.#note(asked, entry, !fromCache)
    } catch (error) {
      release()
      throw asSupplyError(error)
    }
    return {
      path: this.#files.path(entry.sha256),
      digest: `sha256:${entry.checksum}`,
      sha256: entry.sha256,
      size: entry.size,
      ...(entry.source === undefined ? {} : { source: entry.source }),
      fromCache,
      release,
    }
  }

  /** Remembers, after success only, what the URL meant and for which version of the resource. */
  async #note({ url, request }: Asked, entry: Entry, pulled: boolean): Promise<void> {
    if (url.scheme === 'file' || pinned(url) !== undefined) return
    const before = await this.#index.url(url.url)
    const versions = before?.versions ?? {}
    const version = request.resourceVersion ?? ''
    const same = before?.checksum === entry.checksum && versions[request.resourceName] === version
    if (same && !pulled) return
    await this.#index.putUrl({
      url: url.url,
      checksum: entry.checksum,
      versions: { ...versions, [request.resourceName]: version },
      pulledAt: pulled ? Date.now() : (before?.pulledAt ?? 0),
    })
  }

  async #fetch(asked: Asked, flight: string): Promise<Entry> {
    const limit = deadline(asked.request.timeoutMs ?? DEFAULT_TIMEOUT_MS, asked.url.url)
    const began = Date.now()
    this.metrics.waiting.add()
    try {
      return await withFileLock(join(this.#options.dir, 'locks', flight), limit.signal, async () => {
        // Another process may have pulled it while this one waited for the lock.
        const record = await this.#index.url(asked.url.url)
        const fresh = record !== undefined && record.pulledAt >= began ? record.checksum : asked.expected
        const other = asked.url.scheme === 'file' ? undefined : await this.#remembered(asked, fresh)
        return other ?? (await this.#pull(asked, limit))
      })
    } catch (error) {
      const known = limit.signal.aborted && !(error instanceof SluiceError) ? limit.signal.reason : asSupplyError(error)
      if (asked.url.scheme !== 'file') this.metrics.fetched(fetchResult(known))
      throw known
    } finally {
      this.metrics.waiting.add(-1)
      limit.clear()
    }
  }

  async #pull(asked: Asked, limit: Deadline): Promise<Entry> {
    const work = await this.#files.workFolder()
    try {
      const entry = await this.#pullInto(asked, work, limit)
      await this.#index.putEntry(entry)
      await this.#count()
      if (asked.url.scheme !== 'file') this.metrics.fetched('success')
      return entry
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }

  async #pullInto(asked: Asked, work: string, limit: Deadline): Promise<Entry> {
    const { url } = asked
    switch (url.scheme) {
      case 'oci':
        return await this.#pullImage(asked, work, limit)
      case 'http': {
        const { attempts = 5, attemptMs = 15_000, retry } = this.#options.http ?? {}
        const options = { attempts, attemptMs, ...(retry === undefined ? {} : { retry }) }
        const limits = this.#options.limits ?? DEFAULT_LIMITS
        const { path, source } = await fetchByHttp(this.#transport, url.location, work, limits, options, limit)
        const { verificationKey } = asked.request
        if (verificationKey !== undefined) {
          const signature = () => fetchSignature(this.#transport, url.location, limit.signal)
          await this.#verify(() => verifyDetached(path, signature, verificationKey))
        }
        return await this.#store(asked, path, undefined, source)
      }
      case 'file': {
        const path = await importFile(url.path, work)
        const { verificationKey } = asked.request
        if (verificationKey !== undefined) {
          await this.#verify(() => verifyDetached(path, () => readSignature(url.path), verificationKey))
        }
        return await this.#store(asked, path, undefined, undefined)
      }
    }
  }

  async #pullImage(asked: Asked, work: string, limit: Deadline): Promise<Entry> {
    const { url, expected, request } = asked
    if (url.scheme !== 'oci') throw new Error('unreachable')
    const credentials: CredentialSource =
      request.pullSecret === undefined ? this.#keychain : fromDockerConfigJson(request.pullSecret)
    const client = new RegistryClient(url.reference, this.#transport, {
      ...this.#options.registries,
      credentials,
      limit,
    })
    let image: ResolvedImage
    try {
      image = await resolveImage(client)
    } catch (error) {
      throw asManifestFailure(error)
    }
    const digests = [image.digest, image.indexDigest].flatMap((digest) => (digest === undefined ? [] : [hexOf(digest)]))
    if (expected !== undefined && !digests.includes(expected)) throw mismatch(asked, digests[0])
    if (request.verificationKey !== undefined) {
      const key = request.verificationKey
      await this.#verify(() => verifyImage(client, image, key))
    }
    // Asked for by the index's digest, it is cached under that; else under the image's own.
    const checksum = expected ?? digests[0]
    const known = await this.#index.entry(url.name, checksum)
    if (known !== undefined && (await this.#files.has(known.sha256))) return this.#extend(asked, known)
    const { path } = await fetchModule(client, image, work, this.#options.limits ?? DEFAULT_LIMITS)
    return await this.#store(asked, path, checksum, client.source)
  }

  async #verify(check: () => Promise<void>): Promise<void> {
    try {
      await check()
      this.metrics.verified(true)
    } catch (error) {
      this.metrics.verified(false)
      throw error
    }
  }

  /** `checksum`: of an image's manifest; undefined for what is known by its bytes. */
  async #store(asked: Asked, path: string, checksum: string | undefined, source: string | undefined): Promise<Entry> {
    const { url, expected } = asked
    const { sha256, size, head } = await measureFile(path)
    checkMagic(head, url.url)
    if (checksum === undefined && expected !== undefined && expected !== sha256) throw mismatch(asked, sha256)
    if (!(await this.#files.has(sha256))) await this.#files.adopt(path, sha256)
    this.metrics.bytes.add(size)
    const own = checksum ?? sha256
    const known = await this.#index.entry(url.name, own)
    const entry: Entry = { name: url.name, checksum: own, sha256, size, secrets: [], keys: [] }
    const whole = { ...entry, ...(source === undefined ? {} : { source }) }
    return this.#extend(asked, known === undefined ? whole : { ...whole, secrets: known.secrets, keys: known.keys })
  }

  #extend({ secret, key }: Asked, entry: Entry): Entry {
    const secrets = [...new Set([...entry.secrets, secret])]
    const keys = key === undefined ? entry.keys : [...new Set([...entry.keys, key])]
    return { ...entry, secrets, keys }
  }
}

/** Hex of the digest that a reference is pinned to. */
function pinned(url: ModuleUrl): string | undefined {
  const digest = url.scheme === 'oci' ? url.reference.digest : undefined
  return digest === undefined ? undefined : hexOf(digest)
}

function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1)
}

function expectedChecksum({ sha256 = '' }: ModuleRequest, url: ModuleUrl): string | undefined {
  // Istio's agent takes the literal `nil` for none.
  const given = sha256 === 'nil' ? '' : sha256.toLowerCase().replace(/^sha256:/, '')
  const digest = pinned(url)
  if (given === '') return digest
  if (!/^[a-f0-9]{64}$/.test(given)) throw new SupplyError('SL3011', `sha256 «${sha256}» is not 64 hex digits`)
  if (digest !== undefined && digest !== given) {
    throw new SupplyError('SL3011', `${url.url} is pinned to another digest than sha256: ${given}`)
  }
  return given
}

function mismatch({ url, expected }: Asked, actual: string): SupplyError {
  return new SupplyError(
    'SL3011',
    `module downloaded from ${url.url} has checksum ${actual}, which does not match: ${expected}`,
  )
}

const MANIFEST_FAILURE = Symbol('manifest failure')

/** Marks an error for the metric, which tells a manifest that could not be had from a layer that could not. */
function asManifestFailure(error: unknown): unknown {
  if (error instanceof SluiceError) Object.assign(error, { [MANIFEST_FAILURE]: true })
  return error
}

function fetchResult(error: unknown): FetchResult {
  if (!(error instanceof SluiceError)) return 'download_failure'
  if (error.code === 'SL3011') return 'checksum_mismatched'
  if (error.code === 'SL3021') return 'fetch_failure'
  if (error.code === 'SL3025' || error.code === 'SL3026' || error.code === 'SL3027') return 'signature_failure'
  return MANIFEST_FAILURE in error ? 'manifest_failure' : 'download_failure'
}

function asSupplyError(error: unknown): unknown {
  if (error instanceof SluiceError || typeof (error as NodeJS.ErrnoException)?.code !== 'string') return error
  const { code, message } = error as NodeJS.ErrnoException
  return new SupplyError('SL3023', `${code}: ${message}`, { cause: error, retryable: true })
}
