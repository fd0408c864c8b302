import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { RegistryError } from './errors.ts'
import type { RegistryStorage } from './storage.ts'

/** Uploads under way: a file each, whose length is the offset. One request at a time may write to an upload. */
export class Uploads {
  readonly #storage: RegistryStorage
  readonly #busy = new Set<string>()
  /** id -> repository: an upload belongs to the repository that it was begun in. */
  readonly #owners = new Map<string, string>()

  constructor(storage: RegistryStorage) {
    this.#storage = storage
  }

  async begin(name: string): Promise<string> {
    const id = randomUUID()
    await (await open(this.#storage.uploadPath(id), 'wx')).close()
    this.#owners.set(id, name)
    return id
  }

  async offset(name: string, id: string): Promise<number> {
    this.#check(name, id)
    return (await stat(this.#storage.uploadPath(id))).size
  }

  /** Appends a request's body; `contentRange` is the header `<start>-<end>` of a chunked upload. */
  async append(name: string, id: string, body: IncomingMessage, contentRange: string | undefined): Promise<number> {
    const before = await this.offset(name, id)
    if (contentRange !== undefined) {
      const range = /^(\d+)-(\d+)$/.exec(contentRange)
      if (range === null || Number(range[1]) !== before) {
        throw new RegistryError(416, 'RANGE_INVALID', `the next chunk must begin at ${before}`)
      }
    }
    if (this.#busy.has(id)) throw new RegistryError(409, 'BLOB_UPLOAD_INVALID', 'another request writes to this upload')
    this.#busy.add(id)
    try {
      await pipeline(body, createWriteStream(this.#storage.uploadPath(id), { flags: 'a', flush: true }))
    } finally {
      this.#busy.delete(id)
    }
    return await this.offset(name, id)
  }

  /** Makes the upload a blob, or drops it if the digest is another. */
  async finish(name: string, id: string, digest: string): Promise<void> {
    this.#check(name, id)
    const good = await this.#storage.commitUpload(name, id, digest)
    await this.cancel(name, id)
    if (!good) throw new RegistryError(400, 'DIGEST_INVALID', 'the content has another digest', { digest })
  }

  async cancel(name: string, id: string): Promise<void> {
    this.#check(name, id)
    this.#owners.delete(id)
    await rm(this.#storage.uploadPath(id), { force: true })
  }

  #check(name: string, id: string): void {
    if (this.#owners.get(id) !== name) throw new RegistryError(404, 'BLOB_UPLOAD_UNKNOWN', 'unknown upload')
  }
}
