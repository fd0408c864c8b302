import { rm } from 'node:fs/promises'
import { messageOf } from '../../errors.ts'
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
  SupplyError,
  verifyDetached,
  verifyImage,
} from '../../oci/index.ts'
import type { Signers } from '../../xds/index.ts'
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
        const signature = () => fetchSignature(this.#transport, url.location, limit.signal)
        const found = await this.#verify(asked, (signers) => verifyDetached(path, signature, signers))
        return await this.#store(asked, found, path, undefined, source)
      }
      case 'file': {
        const path = await importFile(url.path, work)
        const signature = () => readSignature(url.path)
        const found = await this.#verify(asked, (signers) => verifyDetached(path, signature, signers))
        return await this.#store(asked, found, path, undefined, undefined)
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
    const found = await this.#verify(asked, (signers) => verifyImage(client, image, signers))
    // Asked for by the index's digest, it is cached under that; else under the image's own.
    const checksum = expected ?? digests[0]
    const known = await this.#index.entry(url.name, checksum)
    if (known !== undefined && (await this.#files.has(known.sha256))) return this.#extend(asked, found, known)
    const { path } = await fetchModule(client, image, work, this.#options.limits ?? DEFAULT_LIMITS)
    return await this.#store(asked, found, path, checksum, client.source)
  }

  /** Throws when a signature that must be there is not; what is only warned of is told in the result. */
  async #verify({ required }: Asked, check: (signers: Signers) => Promise<void>): Promise<Verified> {
    const signedBy: string[] = []
    const unsigned: Record<string, string> = {}
    for (const { signers, fingerprint, policy, warn } of required) {
      try {
        await check(signers)
        this.#metrics.verified(true)
        signedBy.push(fingerprint)
      } catch (error) {
        this.#metrics.verified(false)
        if (!warn) throw policy === undefined ? error : byPolicy(error, policy)
        unsigned[fingerprint] = messageOf(error)
      }
    }
    return { signedBy, unsigned }
  }

  /** `checksum`: of an image's manifest; undefined for what is known by its bytes. */
  async #store(
    asked: Asked,
    found: Verified,
    path: string,
    checksum: string | undefined,
    source: string | undefined,
  ): Promise<Entry> {
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
    if (known === undefined) return this.#extend(asked, found, whole)
    const { secrets, keys, unsigned = {} } = known
    return this.#extend(asked, found, { ...whole, secrets, keys, unsigned })
  }

  #extend({ secret }: Asked, { signedBy, unsigned }: Verified, entry: Entry): Entry {
    const secrets = [...new Set([...entry.secrets, secret])]
    const keys = [...new Set([...entry.keys, ...signedBy])]
    return { ...entry, secrets, keys, unsigned: { ...entry.unsigned, ...unsigned } }
  }
}

/** What came of the required signatures, by the fingerprints of their signers. */
interface Verified {
  readonly signedBy: readonly string[]
  readonly unsigned: Readonly<Record<string, string>>
}

function byPolicy(error: unknown, policy: string): unknown {
  if (!(error instanceof SupplyError)) return error
  const { code, detail, retryable, retryAfterMs } = error
  const text = `${detail} (asked for by the signature policy ${policy})`
  return new SupplyError(code, text, { cause: error, retryable, retryAfterMs })
}
