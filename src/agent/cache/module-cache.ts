import { join } from 'node:path'
import { SluiceError } from '../../errors.ts'
import { deadline, sha256Hex } from '../../oci/index.ts'
import { logger } from '../../telemetry/log.ts'
import { Registry } from '../../telemetry/metrics.ts'
import { SupplyMetrics } from '../metrics.ts'
import { mayReuse } from '../pull-policy.ts'
import { asSupplyError, fetchResult } from './failure.ts'
import { withFileLock } from './file-lock.ts'
import { type Entry, IndexFiles } from './index-files.ts'
import { ModuleFiles } from './module-files.ts'
import type { ModuleCacheOptions } from './options.ts'
import { Puller } from './puller.ts'
import { purge } from './purge.ts'
import { type Asked, type ModuleRequest, pinned, type Required, readRequest } from './request.ts'
import { SingleFlight } from './single-flight.ts'

export type { ModuleRequest } from './request.ts'

/** A module in the cache, for one who holds it. */
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
  /** Fingerprints of the signers that have signed it. */
  readonly signedBy: readonly string[]
  /** What policies that only warn have to say. */
  readonly warnings: readonly string[]
  /** The module stays in the cache until this is called. */
  readonly release: () => void
}

const log = logger('wasm')
const DEFAULT_TIMEOUT_MS = 5000

/**
 * Modules by reference: from disk if the pull policy lets it, else fetched once however many ask, checked, and stored by content.
 * Several processes may share a folder.
 */
export class ModuleCache {
  readonly metrics: SupplyMetrics
  readonly #options: ModuleCacheOptions
  readonly #files: ModuleFiles
  readonly #index: IndexFiles
  readonly #puller: Puller
  readonly #flights = new SingleFlight<Entry>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: ModuleCacheOptions) {
    this.#options = options
    this.metrics = new SupplyMetrics(options.metrics ?? new Registry())
    this.#files = new ModuleFiles(options.dir)
    this.#index = new IndexFiles(options.dir)
    this.#puller = new Puller(options, this.#files, this.#index, this.metrics)
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
    this.#puller.close()
  }

  /** The module of a reference. Rejects with a SluiceError that says why there is none. */
  async get(request: ModuleRequest): Promise<CachedModule> {
    const asked = readRequest(request)
    const known = await this.#known(asked)
    this.metrics.lookedUp(known !== undefined)
    if (known !== undefined) return await this.#hand(asked, known, true)
    const wanted = [
      asked.url.url,
      asked.expected,
      asked.secret,
      ...asked.required.map(({ fingerprint, policy, warn }) => `${fingerprint} ${policy} ${warn}`),
      request.pullPolicy === 'Always' ? 'always' : '',
    ]
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
    this.metrics.entries.set(await this.#index.size())
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
   * images), with the signatures that are asked for, and still on disk as it was.
   */
  async #remembered({ url, secret, required }: Asked, checksum: string | undefined): Promise<Entry | undefined> {
    const entry = checksum === undefined ? undefined : await this.#index.entry(url.name, checksum)
    if (entry === undefined || !entry.secrets.includes(secret)) return undefined
    const { keys, unsigned = {} } = entry
    const known = ({ fingerprint, warn }: Required) =>
      keys.includes(fingerprint) || (warn && Object.hasOwn(unsigned, fingerprint))
    if (!required.every(known)) return undefined
    return (await this.#files.has(entry.sha256)) ? entry : undefined
  }

  async #hand(asked: Asked, entry: Entry, fromCache: boolean): Promise<CachedModule> {
    const release = this.#files.lease(entry.sha256)
    await this.#note(asked, entry, !fromCache).catch((error) => {
      // The module is there, and a disk that is full is no reason to go without it.
      log.warn({ err: error }, 'the module cache cannot be written')
    })
    return {
      path: this.#files.path(entry.sha256),
      digest: `sha256:${entry.checksum}`,
      sha256: entry.sha256,
      size: entry.size,
      ...(entry.source === undefined ? {} : { source: entry.source }),
      fromCache,
      signedBy: entry.keys,
      warnings: warningsOf(asked, entry),
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
    const limit = deadline(asked.request.timeoutMs ?? DEFAULT_TIMEOUT_MS, asked.url.label)
    const began = Date.now()
    this.metrics.waiting.add()
    try {
      return await withFileLock(join(this.#options.dir, 'locks', flight), limit.signal, async () => {
        // Another process may have pulled it while this one waited for the lock.
        const record = await this.#index.url(asked.url.url)
        const fresh = record !== undefined && record.pulledAt > began ? record.checksum : asked.expected
        const other = asked.url.scheme === 'file' ? undefined : await this.#remembered(asked, fresh)
        if (other !== undefined) return other
        const entry = await this.#puller.pull(asked, limit)
        if (asked.url.scheme !== 'file') this.metrics.fetched('success')
        await this.#count()
        return entry
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
}

function warningsOf({ required }: Asked, { keys, unsigned = {} }: Entry): string[] {
  return required
    .filter(({ warn, fingerprint }) => warn && !keys.includes(fingerprint))
    .map(({ policy, fingerprint }) => `${unsigned[fingerprint]} (asked for by the signature policy ${policy})`)
}
