import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import { sha256Hex, writeAtomic } from '../../oci/index.ts'
import { TypeUrl } from '../../xds/index.ts'
import type { ModuleCache } from '../cache/module-cache.ts'

/** An extension as it last ran well. */
export interface LastGood {
  readonly resource: Any
  readonly digest?: string
  /** Hex, of the module in the cache that the resource names. */
  readonly sha256?: string
  /** Fingerprints of the signers whose signatures were verified. */
  readonly signedBy?: readonly string[]
  readonly release: () => void
}

interface Stored {
  readonly name: string
  readonly resource: string
  readonly digest?: string
  readonly sha256: string
  readonly signedBy?: readonly string[]
}

/** Remembers across restarts what each extension last ran well with, so that a restart during an outage takes nothing down. */
export class LastGoodFiles {
  readonly #dir: string
  readonly #cache: ModuleCache

  constructor(dir: string, cache: ModuleCache) {
    this.#dir = join(dir, 'last-good')
    this.#cache = cache
  }

  /** Only modules in the cache are kept: any other file may change. */
  async save(name: string, { resource, digest, sha256, signedBy = [] }: LastGood): Promise<void> {
    if (sha256 === undefined) return
    const value = Buffer.from(resource.value).toString('base64')
    const stored: Stored = { name, resource: value, sha256, signedBy, ...(digest === undefined ? {} : { digest }) }
    // The plugin's configuration is in it, which may be confidential.
    await writeAtomic(this.#path(name), JSON.stringify(stored), { mode: 0o600, sync: false })
  }

  async load(name: string): Promise<LastGood | undefined> {
    let stored: Stored
    try {
      stored = JSON.parse(await readFile(this.#path(name), 'utf8'))
    } catch {
      return undefined
    }
    const held = stored.name === name ? await this.#cache.hold(stored.sha256) : undefined
    if (held === undefined) return undefined
    const { digest, sha256, signedBy = [] } = stored
    const resource = create(AnySchema, { typeUrl: TypeUrl.extension, value: Buffer.from(stored.resource, 'base64') })
    return { resource, ...(digest === undefined ? {} : { digest }), sha256, signedBy, release: held.release }
  }

  async forget(name: string): Promise<void> {
    await rm(this.#path(name), { force: true })
  }

  #path(name: string): string {
    return join(this.#dir, `${sha256Hex(name)}.json`)
  }
}
