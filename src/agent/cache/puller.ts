import { rm } from 'node:fs/promises'
import {
  type CredentialSource,
  DEFAULT_LIMITS,
  type Deadline,
  defaultKeychain,
  fetchModule,
  fromDockerConfigJson,
  HttpTransport,
  RegistryClient,
  type ResolvedImage,
  resolveImage,
  verifyDetached,
  verifyImage,
} from '../../oci/index.ts'
import { fetchSignature, readSignature } from '../fetch/detached-signature.ts'
import { fetchByHttp } from '../fetch/http-fetch.ts'
import { checkMagic, measureFile } from '../fetch/magic.ts'
import type { SupplyMetrics } from '../metrics.ts'
import { asManifestFailure } from './failure.ts'
import type { Entry, IndexFiles } from './index-files.ts'
import { importFile } from './local-file.ts'
import type { ModuleFiles } from './module-files.ts'
import type { ModuleCacheOptions } from './options.ts'
import { type Asked, hexOf, mismatch } from './request.ts'

/** Fetches a module by whatever its URL is, checks it, and stores it with what is known of it. */
export class Puller {
  readonly #options: ModuleCacheOptions
  readonly #files: ModuleFiles
  readonly #index: IndexFiles
  readonly #metrics: SupplyMetrics
  readonly #transport: HttpTransport
  readonly #keychain = defaultKeychain()

  constructor(options: ModuleCacheOptions, files: ModuleFiles, index: IndexFiles, metrics: SupplyMetrics) {
    this.#options = options
    this.#files = files
    this.#index = index
    this.#metrics = metrics
    this.#transport = new HttpTransport(options.registries)
  }

  close(): void {
    this.#transport.close()
  }

  async pull(asked: Asked, limit: Deadline): Promise<Entry> {
    const work = await this.#files.workFolder()
    try {
      const entry = await this.#pullInto(asked, work, limit)
      await this.#index.putEntry(entry)
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
      this.#metrics.verified(true)
    } catch (error) {
      this.#metrics.verified(false)
      throw error
    }
  }

  /** `checksum`: of an image's manifest; undefined for what is known by its bytes. */
  async #store(asked: Asked, path: string, checksum: string | undefined, source: string | undefined): Promise<Entry> {
    const { url, expected } = asked
    const { sha256, size, head } = await measureFile(path)
    checkMagic(head, url.label)
    if (checksum === undefined && expected !== undefined && expected !== sha256) throw mismatch(asked, sha256)
    if (!(await this.#files.has(sha256))) await this.#files.adopt(path, sha256)
    this.#metrics.bytes.add(size)
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
