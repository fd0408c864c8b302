import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256Hex, writeAtomic } from '../../oci/index.ts'

/** A module as it is known under one name and checksum (Istio's cache key). */
export interface Entry {
  readonly name: string
  /** Hex: of the manifest for images, of the unpacked bytes otherwise. */
  readonly checksum: string
  /** Hex, of the bytes: names the file. */
  readonly sha256: string
  readonly size: number
  readonly source?: string
  /** Fingerprints of the pull secrets that the registry let pull it; '' is none. */
  readonly secrets: readonly string[]
  /** Fingerprints of the keys and signers that a signature of it was verified with. */
  readonly keys: readonly string[]
  /** Fingerprints of the signers of whom it has no signature, with the reason; what only warns lets such a module pass. */
  readonly unsigned?: Readonly<Record<string, string>>
}

/** What a URL without a digest was found to mean. */
export interface UrlRecord {
  readonly url: string
  readonly checksum: string
  /** Resource name -> the resource version that it was last pulled for. Written only after a pull that succeeded. */
  readonly versions: Readonly<Record<string, string>>
  /** `Date.now()` of the last pull. */
  readonly pulledAt: number
}

/** Names of secrets' fingerprints are nobody else's business; and what cannot be read is forgotten, so no sync is needed. */
const KNOWLEDGE = { mode: 0o600, sync: false }

/**
 * The cache's knowledge: one small file per fact, written atomically, read at each use. So processes share it without talking
 * to each other, and a crash leaves either the old fact or the new one.
 */
export class IndexFiles {
  readonly #dir: string

  constructor(dir: string) {
    this.#dir = dir
  }

  async entry(name: string, checksum: string): Promise<Entry | undefined> {
    const entry = await readJson<Entry>(this.#entryPath(name, checksum))
    return entry?.name === name && entry.checksum === checksum ? entry : undefined
  }

  async putEntry(entry: Entry): Promise<void> {
    await writeAtomic(this.#entryPath(entry.name, entry.checksum), JSON.stringify(entry), KNOWLEDGE)
  }

  async url(url: string): Promise<UrlRecord | undefined> {
    const record = await readJson<UrlRecord>(this.#urlPath(url))
    return record?.url === url ? record : undefined
  }

  async putUrl(record: UrlRecord): Promise<void> {
    await writeAtomic(this.#urlPath(record.url), JSON.stringify(record), KNOWLEDGE)
  }

  /** How many entries there are. */
  async size(): Promise<number> {
    return (await readdir(join(this.#dir, 'entries')).catch(() => [])).filter((file) => file.endsWith('.json')).length
  }

  async entries(): Promise<Entry[]> {
    return await this.#all<Entry>('entries')
  }

  /** Forgets what led to these modules. */
  async forget(gone: ReadonlySet<string>): Promise<void> {
    const checksums = new Set<string>()
    for (const entry of await this.entries()) {
      if (!gone.has(entry.sha256)) continue
      checksums.add(entry.checksum)
      await rm(this.#entryPath(entry.name, entry.checksum), { force: true })
    }
    for (const { url, checksum } of await this.#all<UrlRecord>('urls')) {
      if (checksums.has(checksum)) await rm(this.#urlPath(url), { force: true })
    }
  }

  async #all<T>(folder: string): Promise<T[]> {
    const all: T[] = []
    for (const file of await readdir(join(this.#dir, folder)).catch(() => [])) {
      const value = file.endsWith('.json') ? await readJson<T>(join(this.#dir, folder, file)) : undefined
      if (value !== undefined) all.push(value)
    }
    return all
  }

  #entryPath(name: string, checksum: string): string {
    return join(this.#dir, 'entries', `${sha256Hex(`${name}\n${checksum}`)}.json`)
  }

  #urlPath(url: string): string {
    return join(this.#dir, 'urls', `${sha256Hex(url)}.json`)
  }
}

/** A file that is absent or cannot be read as JSON is no knowledge. */
async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined
  }
}
