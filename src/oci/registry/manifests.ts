import { digestLike, isDigest, sha256Digest } from '../digest.ts'
import { type Manifest, parseManifest, referencedBlobs } from '../manifest.ts'
import { INDEX_TYPES, MediaType } from '../media-types.ts'
import { RegistryError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { checkDigest, isTag } from './names.ts'

/** The least that a registry must take (distribution spec, "Pushing Manifests"); larger ones are refused with 413. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024

/** `/v2/<name>/manifests/<reference>` (end-3, end-7, end-9). */
export async function serveManifest(exchange: Exchange, name: string, reference: string): Promise<void> {
  const { request, response, storage } = exchange
  if (!isDigest(reference) && !isTag(reference)) {
    throw new RegistryError(400, 'TAG_INVALID', 'the reference is neither a tag nor a digest')
  }
  if (request.method === 'PUT') return await put(exchange, name, reference)
  if (request.method === 'DELETE') return await remove(exchange, name, reference)
  exchange.allow('GET', 'HEAD', 'PUT', 'DELETE')
  const digest = isDigest(reference) ? reference : await storage.tagged(name, reference)
  const manifest = digest === undefined ? undefined : await storage.manifest(name, digest)
  if (digest === undefined || manifest === undefined) throw unknown(reference)
  response.setHeader('content-type', manifest.mediaType)
  response.setHeader('content-length', manifest.bytes.length)
  response.setHeader('docker-content-digest', digest)
  response.end(request.method === 'HEAD' ? undefined : manifest.bytes)
}

async function put(exchange: Exchange, name: string, reference: string): Promise<void> {
  const { request, response, storage } = exchange
  const bytes = await exchange.body(MAX_MANIFEST_BYTES)
  const manifest = parseManifest(bytes)
  if (typeof manifest === 'string') throw new RegistryError(400, 'MANIFEST_INVALID', manifest)
  const declared = request.headers['content-type']?.split(';')[0].trim()
  if (manifest.mediaType !== undefined && declared !== undefined && declared !== manifest.mediaType) {
    // A manifest under two types is the base of confusion attacks (CVE-2021-41190): one of them must not win by chance.
    throw new RegistryError(400, 'MANIFEST_INVALID', `content-type ${declared} but mediaType ${manifest.mediaType}`)
  }
  const mediaType = manifest.mediaType ?? declared ?? MediaType.ociManifest
  await requireReferenced(exchange, name, manifest)
  const byDigest = isDigest(reference)
  const digest = byDigest ? reference : sha256Digest(bytes)
  if (byDigest && digestLike(reference, bytes) !== reference) {
    throw new RegistryError(400, 'DIGEST_INVALID', 'the manifest has another digest', { digest: reference })
  }
  await storage.putManifest(name, digest, mediaType, bytes, byDigest ? undefined : reference)
  if (manifest.subject !== undefined) {
    await storage.addReferrer(name, manifest.subject.digest, {
      mediaType,
      digest,
      size: bytes.length,
      artifactType: manifest.artifactType ?? manifest.config?.mediaType ?? mediaType,
      ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
    })
    response.setHeader('oci-subject', manifest.subject.digest)
  }
  exchange.created(`/v2/${name}/manifests/${digest}`, digest)
}

async function requireReferenced({ storage }: Exchange, name: string, manifest: Manifest): Promise<void> {
  for (const { digest } of referencedBlobs(manifest)) {
    if ((await storage.blobSize(name, digest)) === undefined) {
      throw new RegistryError(404, 'MANIFEST_BLOB_UNKNOWN', 'a blob of the manifest is unknown to registry', { digest })
    }
  }
  for (const { digest } of manifest.manifests ?? []) {
    if (!(await storage.hasManifest(name, digest))) {
      throw new RegistryError(404, 'MANIFEST_BLOB_UNKNOWN', 'a manifest of the index is unknown to registry', {
        digest,
      })
    }
  }
}

async function remove(exchange: Exchange, name: string, reference: string): Promise<void> {
  const { storage } = exchange
  if (!isDigest(reference)) {
    if (!(await storage.deleteTag(name, reference))) throw unknown(reference)
    return exchange.empty(202)
  }
  const stored = await storage.manifest(name, reference)
  const manifest = stored === undefined ? undefined : parseManifest(stored.bytes)
  const subject = typeof manifest === 'object' ? manifest.subject?.digest : undefined
  if (!(await storage.deleteManifest(name, reference, subject))) throw unknown(reference)
  exchange.empty(202)
}

/** `/v2/<name>/referrers/<digest>` (end-12a, end-12b): an index, empty when nothing refers. */
export async function serveReferrers(exchange: Exchange, name: string, digest: string): Promise<void> {
  const { response, storage, query } = exchange
  exchange.allow('GET', 'HEAD')
  let manifests = await storage.referrers(name, checkDigest(digest))
  const type = query.get('artifactType')
  if (type !== null) {
    manifests = manifests.filter((descriptor) => descriptor.artifactType === type)
    response.setHeader('oci-filters-applied', 'artifactType')
  }
  exchange.json({ schemaVersion: 2, mediaType: INDEX_TYPES[0], manifests }, INDEX_TYPES[0])
}

function unknown(reference: string): RegistryError {
  return new RegistryError(404, 'MANIFEST_UNKNOWN', 'manifest unknown', { reference })
}
