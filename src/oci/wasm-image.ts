import { join } from 'node:path'
import { type FetchedManifest, isIndex, type RegistryClient } from './client.ts'
import type { Descriptor } from './manifest.ts'
import { MediaType } from './media-types.ts'
import { SupplyError } from './supply-error.ts'
import { type Compression, extractFromTar, type UnpackLimits } from './unpack.ts'

/** How an image holds its module; see the table of formats in docs. */
export type ImageFormat = 'docker' | 'oci' | 'artifact' | 'wasm-to-oci' | 'cncf'

/** An image resolved to the manifest that holds the module. */
export interface ResolvedImage {
  /** Of the image's own manifest: Istio's checksum of an OCI module. */
  readonly digest: string
  /** Of the index that led to it. */
  readonly indexDigest?: string
  readonly fetched: FetchedManifest
}

/** Fetches the manifest, and by way of an index the one that fits best. */
export async function resolveImage(client: RegistryClient): Promise<ResolvedImage> {
  const fetched = await client.manifest()
  if (!isIndex(fetched)) return { digest: fetched.digest, fetched }
  const child = choosePlatform(fetched.manifest.manifests ?? [])
  if (child === undefined) throw new SupplyError('SL3012', `the index ${fetched.digest} has no image`)
  const inner = await client.manifest(child.digest)
  if (isIndex(inner)) throw new SupplyError('SL3012', `the index ${fetched.digest} leads to another index`)
  return { digest: inner.digest, indexDigest: fetched.digest, fetched: inner }
}

/**
 * Modules do not depend on the machine: an entry for Wasm is preferred, then linux/amd64 as Istio takes it, then any. An entry
 * without a platform counts as linux/amd64 (go-containerregistry); unknown/unknown are build attestations.
 */
function choosePlatform(entries: readonly Descriptor[]): Descriptor | undefined {
  const images = entries.filter(({ platform }) => platform?.os !== 'unknown')
  return (
    images.find(({ platform }) => platform?.architecture === 'wasm' || platform?.architecture === 'wasm32') ??
    images.find(({ platform }) => !platform || (platform.os === 'linux' && platform.architecture === 'amd64')) ??
    images[0]
  )
}

interface ModuleLayer {
  readonly format: ImageFormat
  readonly layer: Descriptor
  /** Undefined: the layer is the module itself. */
  readonly tar?: Compression
}

const TAR_LAYERS: Readonly<Record<string, Compression>> = {
  [MediaType.dockerLayerGzip]: 'gzip',
  [MediaType.dockerLayer]: 'none',
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'zstd',
  [MediaType.ociLayerGzip]: 'gzip',
  [MediaType.ociLayer]: 'none',
  [MediaType.ociLayerZstd]: 'zstd',
}

const RAW_LAYERS: Readonly<Record<string, ImageFormat>> = {
  [MediaType.soloContent]: 'artifact',
  [MediaType.wasmToOciContent]: 'wasm-to-oci',
  [MediaType.cncfContent]: 'cncf',
}

/** Finds the layer with the module. The texts are those of Istio's agent, which people search for. */
function moduleLayer({ mediaType, manifest }: FetchedManifest): ModuleLayer {
  const layers = manifest.layers ?? []
  const last = layers.at(-1)
  if (last === undefined) throw new SupplyError('SL3012', 'number of layers must be greater than zero')
  const docker = mediaType === MediaType.dockerManifest
  const tar = TAR_LAYERS[last.mediaType]
  if (tar !== undefined) return { format: docker ? 'docker' : 'oci', layer: last, tar }
  const raw = layers.filter((layer) => RAW_LAYERS[layer.mediaType] !== undefined)
  if (raw.length === 1 && !docker) return { format: RAW_LAYERS[raw[0].mediaType], layer: raw[0] }
  if (raw.length > 1) throw new SupplyError('SL3012', `the image has ${raw.length} module layers, which one is meant?`)
  const expected = docker ? MediaType.dockerLayerGzip : MediaType.ociLayerGzip
  throw new SupplyError(
    'SL3012',
    `the given image is in invalid format as an OCI image: invalid media type ${last.mediaType} (expect ${expected}), ` +
      `and could not find the layer of type ${MediaType.soloContent}`,
  )
}

/** Downloads the module of an image into the folder `work`; returns its file. The blob is verified whole before it is opened. */
export async function fetchModule(
  client: RegistryClient,
  image: ResolvedImage,
  work: string,
  limits: UnpackLimits,
): Promise<{ path: string; format: ImageFormat }> {
  const { format, layer, tar } = moduleLayer(image.fetched)
  const blob = join(work, 'layer')
  await client.blobToFile(layer, blob, limits.maxBytes)
  if (tar === undefined) return { path: blob, format }
  const path = join(work, 'plugin.wasm')
  const base = (name: string) => name.slice(name.lastIndexOf('/') + 1)
  const first = await extractFromTar(blob, tar, limits, ({ name }) => base(name) === 'plugin.wasm', path)
  if (first.found !== undefined) return { path, format }
  // Images of istio-ecosystem's later builds hold `plugin.wasm/<name>.wasm`: a lone module is clear enough.
  const modules = first.files.filter((name) => name.endsWith('.wasm'))
  if (modules.length !== 1) {
    throw new SupplyError(
      'SL3012',
      `plugin.wasm not found in the archive (it has ${first.files.join(', ') || 'no files'})`,
    )
  }
  await extractFromTar(blob, tar, limits, ({ name }) => name === modules[0], path)
  return { path, format }
}
