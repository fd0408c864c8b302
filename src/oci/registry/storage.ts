import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writeAtomic } from '../atomic-file.ts'
import { digestLike, splitDigest } from '../digest.ts'
import type { Descriptor } from '../manifest.ts'

/**
 * The files of the registry. Content is stored once by digest; a repository holds links to it, so that what one repository holds
 * is not readable through another.
 *
 *     blobs/<algorithm>/<2 hex>/<hex>                     content of blobs and manifests
 *     repositories/<name>/_blobs/<algorithm>/<hex>        link (empty)
 *     repositories/<name>/_manifests/<algorithm>/<hex>    link (the manifest's media type)
 *     repositories/<name>/_tags/<tag>                     a digest
 *     repositories/<name>/_referrers/<subject hex>/<hex>  the referrer's descriptor
 *     uploads/<id>                                        content so far
 *
 * A component of a name never begins with `_` (distribution spec), so the folders above cannot collide with a repository.
 */
export class RegistryStorage {
  readonly dir: string

  constructor(dir: string) {
    this.dir = dir
  }

  async open(): Promise<void> {
    for (const sub of ['blobs', 'repositories', 'uploads']) await mkdir(join(this.dir, sub), { recursive: true })
    await this.#collect()
  }

  contentPath(digest: string): string {
    const { algorithm, hex } = splitDigest(digest)
    return join(this.dir, 'blobs', algorithm, hex.slice(0, 2), hex)
  }

  uploadPath(id: string): string {
    return join(this.dir, 'uploads', id)
  }

  /** Takes a finished upload over as a blob of the repository, if it has that digest. */
  async commitUpload(name: string, id: string, digest: string): Promise<boolean> {
    const from = this.uploadPath(id)
    const { algorithm, hex } = splitDigest(digest)
    const hash = createHash(algorithm)
    for await (const chunk of createReadStream(from)) hash.update(chunk)
    if (hash.digest('hex') !== hex) return false
    const to = this.contentPath(digest)
    await mkdir(dirname(to), { recursive: true })
    await rename(from, to)
    await this.linkBlob(name, digest)
    return true
  }

  async linkBlob(name: string, digest: string): Promise<void> {
    await writeAtomic(this.#link(name, '_blobs', digest), '')
  }

  /** The size of a blob that the repository holds. */
  async blobSize(name: string, digest: string): Promise<number | undefined> {
    if ((await statOrNothing(this.#link(name, '_blobs', digest))) === undefined) return undefined
    return (await statOrNothing(this.contentPath(digest)))?.size
  }

  async deleteBlob(name: string, digest: string): Promise<boolean> {
    return await removed(this.#link(name, '_blobs', digest))
  }

  async putManifest(name: string, digest: string, mediaType: string, bytes: Uint8Array, tag?: string): Promise<void> {
    await writeAtomic(this.contentPath(digest), bytes)
    await writeAtomic(this.#link(name, '_manifests', digest), mediaType)
    if (tag !== undefined) await writeAtomic(this.#path(name, '_tags', tag), digest)
  }

  async manifest(name: string, digest: string): Promise<{ mediaType: string; bytes: Buffer } | undefined> {
    const mediaType = await textOrNothing(this.#link(name, '_manifests', digest))
    if (mediaType === undefined) return undefined
    const bytes = await readFile(this.contentPath(digest))
    // The disk may lie; what does not have its digest is as good as absent.
    return digestLike(digest, bytes) === digest ? { mediaType, bytes } : undefined
  }

  async hasManifest(name: string, digest: string): Promise<boolean> {
    return (await statOrNothing(this.#link(name, '_manifests', digest))) !== undefined
  }

  async tagged(name: string, tag: string): Promise<string | undefined> {
    return await textOrNothing(this.#path(name, '_tags', tag))
  }

  async tags(name: string): Promise<string[] | undefined> {
    if ((await statOrNothing(join(this.dir, 'repositories', name, '_manifests'))) === undefined) return undefined
    return (await list(this.#path(name, '_tags'))).filter((tag) => !tag.endsWith('.tmp')).sort()
  }

  async deleteTag(name: string, tag: string): Promise<boolean> {
    return await removed(this.#path(name, '_tags', tag))
  }

  /** Removes a manifest with the tags that point to it and its entry in the referrers of its subject. */
  async deleteManifest(name: string, digest: string, subject: string | undefined): Promise<boolean> {
    if (!(await removed(this.#link(name, '_manifests', digest)))) return false
    for (const tag of (await this.tags(name)) ?? []) {
      if ((await this.tagged(name, tag)) === digest) await this.deleteTag(name, tag)
    }
    if (subject !== undefined) await removed(this.#referrer(name, subject, digest))
    return true
  }

  async addReferrer(name: string, subject: string, descriptor: Descriptor): Promise<void> {
    await writeAtomic(this.#referrer(name, subject, descriptor.digest), JSON.stringify(descriptor))
  }

  async referrers(name: string, subject: string): Promise<Descriptor[]> {
    const folder = this.#path(name, '_referrers', splitDigest(subject).hex)
    const all: Descriptor[] = []
    for (const file of (await list(folder)).sort()) {
      if (!file.endsWith('.tmp')) all.push(JSON.parse(await readFile(join(folder, file), 'utf8')))
    }
    return all
  }

  /** The names of all repositories, sorted. */
  async repositories(): Promise<string[]> {
    const names: string[] = []
    const visit = async (name: string): Promise<void> => {
      const entries = await list(join(this.dir, 'repositories', name))
      if (entries.includes('_manifests')) names.push(name)
      for (const entry of entries) if (!entry.startsWith('_')) await visit(name === '' ? entry : `${name}/${entry}`)
    }
    await visit('')
    return names.sort()
  }

  #path(name: string, ...parts: string[]): string {
    return join(this.dir, 'repositories', name, ...parts)
  }

  #link(name: string, kind: '_blobs' | '_manifests', digest: string): string {
    const { algorithm, hex } = splitDigest(digest)
    return this.#path(name, kind, algorithm, hex)
  }

  #referrer(name: string, subject: string, digest: string): string {
    return this.#path(name, '_referrers', splitDigest(subject).hex, splitDigest(digest).hex)
  }

  /** Removes uploads that a crash left and content that no repository links to. Runs only before the first request. */
  async #collect(): Promise<void> {
    for (const id of await list(join(this.dir, 'uploads'))) await rm(this.uploadPath(id), { force: true })
    const linked = new Set<string>()
    for (const name of await this.#linkedNames('')) {
      for (const kind of ['_blobs', '_manifests']) {
        for (const algorithm of await list(this.#path(name, kind))) {
          for (const hex of await list(this.#path(name, kind, algorithm))) linked.add(`${algorithm}:${hex}`)
        }
      }
    }
    for (const algorithm of await list(join(this.dir, 'blobs'))) {
      for (const prefix of await list(join(this.dir, 'blobs', algorithm))) {
        for (const hex of await list(join(this.dir, 'blobs', algorithm, prefix))) {
          if (!linked.has(`${algorithm}:${hex}`)) await rm(join(this.dir, 'blobs', algorithm, prefix, hex))
        }
      }
    }
  }

  async #linkedNames(name: string): Promise<string[]> {
    const names = name === '' ? [] : [name]
    for (const entry of await list(join(this.dir, 'repositories', name))) {
      if (!entry.startsWith('_')) names.push(...(await this.#linkedNames(name === '' ? entry : `${name}/${entry}`)))
    }
    return names
  }
}

function absent(error: unknown): undefined {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
  throw error
}

async function statOrNothing(path: string): Promise<{ size: number } | undefined> {
  return await stat(path).catch(absent)
}

async function textOrNothing(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(absent)
}

async function list(path: string): Promise<string[]> {
  return (await readdir(path).catch(absent)) ?? []
}

async function removed(path: string): Promise<boolean> {
  return await rm(path).then(
    () => true,
    (error) => absent(error) ?? false,
  )
}
