/**
 * Modules with their signatures in one file, for machines without a registry in reach. The file is an OCI image layout in a tar
 * archive, which skopeo and others read as `oci-archive:`.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { access, constants, type FileHandle, mkdir, mkdtemp, open, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { writeAtomic } from '../atomic-file.ts'
import { digestLike, splitDigest } from '../digest.ts'
import { type Descriptor, type Manifest, parseManifest, referencedBlobs } from '../manifest.ts'
import { MediaType } from '../media-types.ts'
import { formatReference, parseReference } from '../reference.ts'
import { SupplyError } from '../supply-error.ts'
import { tarHeader, walkTar } from '../tar.ts'
import { collect } from './content.ts'
import { type AccessOptions, withClient } from './open.ts'

/** The standard annotation for a name in a layout's index. */
const REF_NAME = 'org.opencontainers.image.ref.name'

const blobPath = (digest: string) => {
  const { algorithm, hex } = splitDigest(digest)
  return `blobs/${algorithm}/${hex}`
}

/** Writes images with their signatures to a bundle file; returns what is in it. */
export async function saveBundle(
  file: string,
  refs: readonly string[],
  options: AccessOptions = {},
): Promise<string[]> {
  const layout = await mkdtemp(join(tmpdir(), 'sluice-bundle-'))
  try {
    const index: Descriptor[] = []
    const paths = new Set<string>(['oci-layout', 'index.json'])
    for (const ref of refs) {
      await withClient(ref, options, false, async (client) => {
        const content = await collect(client, undefined, true)
        for (const blob of content.blobs) {
          const path = join(layout, blobPath(blob.digest))
          await mkdir(dirname(path), { recursive: true })
          if (!paths.has(blobPath(blob.digest))) await client.blobToFile(blob, path, Number.MAX_SAFE_INTEGER)
          paths.add(blobPath(blob.digest))
        }
        for (const { digest, mediaType, bytes } of content.manifests) {
          await writeAtomic(join(layout, blobPath(digest)), bytes)
          paths.add(blobPath(digest))
          const root = digest === content.root.digest
          const tag = root ? undefined : content.tags.get(digest)
          // Referrers need no name: their subject says where they belong.
          const name = root
            ? formatReference(client.reference)
            : `${client.reference.registry}/${client.reference.repository}${tag === undefined ? `@${digest}` : `:${tag}`}`
          index.push({ mediaType, digest, size: bytes.length, annotations: { [REF_NAME]: name } })
        }
      })
    }
    await writeAtomic(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
    const whole: Manifest = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: index }
    await writeAtomic(join(layout, 'index.json'), JSON.stringify(whole))
    await writeTar(file, layout, [...paths])
    return index.map(({ annotations }) => annotations![REF_NAME])
  } finally {
    await rm(layout, { recursive: true, force: true })
  }
}

/** Pushes everything of a bundle under its own names, by way of mirror rules if there are any; returns those names. */
export async function loadBundle(file: string, options: AccessOptions = {}): Promise<string[]> {
  const layout = await mkdtemp(join(tmpdir(), 'sluice-bundle-'))
  try {
    await extract(file, layout)
    const index = await readManifest(join(layout, 'index.json'))
    const names: string[] = []
    for (const entry of index.manifests ?? []) {
      const name = entry.annotations?.[REF_NAME]
      if (name === undefined) continue
      const bytes = await readBlob(layout, entry)
      const manifest = parseManifest(bytes)
      if (typeof manifest === 'string') throw new SupplyError('SL3012', `${name} in ${file}: ${manifest}`)
      const { tag, digest } = parseReference(name)
      await withClient(name, options, true, async (client) => {
        // An OCI layout names blobs by digest, and the registry checks it; nothing is taken on trust.
        for (const blob of referencedBlobs(manifest))
          await client.putBlobFile(blob, join(layout, blobPath(blob.digest)))
        await client.putManifest(bytes, entry.mediaType, tag ?? digest)
      })
      names.push(name)
    }
    return names
  } finally {
    await rm(layout, { recursive: true, force: true })
  }
}

async function readManifest(path: string): Promise<Manifest> {
  const manifest = parseManifest(await readFile(path).catch(() => Buffer.alloc(0)))
  if (typeof manifest === 'string') throw new SupplyError('SL3012', `the bundle's index: ${manifest}`)
  return manifest
}

async function readBlob(layout: string, { digest }: Descriptor): Promise<Buffer> {
  const bytes = await readFile(join(layout, blobPath(digest))).catch(() => Buffer.alloc(0))
  if (digestLike(digest, bytes) !== digest) throw new SupplyError('SL3010', `${digest} in the bundle`)
  return bytes
}

async function writeTar(file: string, layout: string, names: readonly string[]): Promise<void> {
  const out = createWriteStream(file)
  const write = (chunk: Uint8Array) =>
    new Promise<void>((resolve, reject) => out.write(chunk, (e) => (e ? reject(e) : resolve())))
  for (const name of names) {
    const { size } = await stat(join(layout, name))
    await write(tarHeader(name, size))
    for await (const chunk of createReadStream(join(layout, name))) await write(chunk)
    await write(Buffer.alloc((512 - (size % 512)) % 512))
  }
  await write(Buffer.alloc(1024))
  await new Promise<void>((resolve, reject) => out.end((error?: Error | null) => (error ? reject(error) : resolve())))
}

/** Only the names that a layout can have are written, so that an archive cannot reach anywhere else. */
async function extract(file: string, layout: string): Promise<void> {
  let current: { readonly name: string; readonly file: FileHandle } | undefined
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true })
  await mkdir(join(layout, 'blobs/sha512'), { recursive: true })
  await access(file, constants.R_OK).catch((cause) => {
    throw new SupplyError('SL3022', file, { cause })
  })
  await walkTar(createReadStream(file), ({ name, isFile }) => {
    const plain = name.replace(/^\.\//, '')
    if (
      !isFile ||
      !/^(?:oci-layout|index\.json|blobs\/sha256\/[a-f0-9]{64}|blobs\/sha512\/[a-f0-9]{128})$/.test(plain)
    ) {
      return undefined
    }
    return {
      async write(chunk) {
        if (current?.name !== plain) {
          await current?.file.close()
          current = { name: plain, file: await open(join(layout, plain), 'w') }
        }
        await current.file.writeFile(chunk)
      },
    }
  })
  await current?.file.close()
}
