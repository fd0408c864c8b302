import { gzipSync } from 'node:zlib'
import type { RegistryClient } from './client.ts'
import { type AccessOptions, withClient } from './commands/open.ts'
import { sha256Digest } from './digest.ts'
import type { Descriptor, Manifest } from './manifest.ts'
import { MediaType } from './media-types.ts'
import { formatReference } from './reference.ts'
import { SupplyError } from './supply-error.ts'
import { tarOf } from './tar.ts'
import type { ImageFormat } from './wasm-image.ts'

/** A module, and as what it is pushed. */
export interface PushOptions extends AccessOptions {
  /** Where to; a mirror rule that covers it is followed, and only it. Needs a tag unless it is to be reached by digest alone. */
  readonly ref: string
  readonly wasm: Uint8Array
  /** `oci` unless told. */
  readonly format?: ImageFormat
  /** Of the manifest. */
  readonly annotations?: Readonly<Record<string, string>>
  /** Beside the module, as `runtime-config.json` (solo-io/wasm). */
  readonly runtimeConfig?: unknown
}

/** What there is now in the registry. */
export interface PushedImage {
  /** The normalised reference with its digest. */
  readonly ref: string
  readonly digest: string
  /** Of the manifest, in bytes. */
  readonly size: number
}

/** Pushes a module as an image. Equal content gives an equal digest: nothing of time or machine goes into it. */
export async function pushWasmImage(options: PushOptions): Promise<PushedImage> {
  const { wasm, format = 'oci' } = options
  if (wasm.length < 8 || Buffer.from(wasm.subarray(0, 4)).toString('latin1') !== '\0asm') {
    throw new SupplyError('SL3021', 'what is to be pushed does not begin with 00 61 73 6d')
  }
  return await withClient(options.ref, options, true, async (client) => {
    const { reference } = client
    const manifest = await build(client, format, options)
    const mediaType = manifest.mediaType ?? MediaType.ociManifest
    const digest = await client.putManifest(manifest, mediaType, reference.tag ?? reference.digest)
    return { ref: formatReference({ ...reference, digest }), digest, size: wasm.length }
  })
}

async function build(client: RegistryClient, format: ImageFormat, options: PushOptions): Promise<Manifest> {
  const { wasm, annotations, runtimeConfig = {} } = options
  const image = (config: Descriptor, layers: Descriptor[], mediaType: string): Manifest => ({
    schemaVersion: 2,
    mediaType,
    config,
    layers,
    ...(annotations === undefined ? {} : { annotations }),
  })
  const title = (name: string) => ({ 'org.opencontainers.image.title': name })
  switch (format) {
    case 'docker':
    case 'oci': {
      const docker = format === 'docker'
      const files = [{ name: 'plugin.wasm', data: wasm }]
      if (options.runtimeConfig !== undefined) files.push({ name: 'runtime-config.json', data: json(runtimeConfig) })
      const tar = tarOf(files)
      const config = json({
        architecture: 'amd64',
        os: 'linux',
        config: {},
        rootfs: { type: 'layers', diff_ids: [sha256Digest(tar)] },
      })
      return image(
        await client.putBlob(docker ? MediaType.dockerConfig : MediaType.ociConfig, config),
        [
          await client.putBlob(
            docker ? MediaType.dockerLayerGzip : MediaType.ociLayerGzip,
            gzipSync(tar, { level: 9 }),
          ),
        ],
        docker ? MediaType.dockerManifest : MediaType.ociManifest,
      )
    }
    case 'artifact': {
      // solo-io/wasm's layout as `wasme` and `oras` write it: the config blob is also the first layer.
      const config = await client.putBlob(MediaType.soloConfig, json(runtimeConfig))
      const first = { ...config, annotations: title('runtime-config.json') }
      const content = await client.putBlob(MediaType.soloContent, wasm, title('filter.wasm'))
      return image(config, [first, content], MediaType.ociManifest)
    }
    case 'wasm-to-oci': {
      const content = await client.putBlob(MediaType.wasmToOciContent, wasm, title('module.wasm'))
      return image(await client.putBlob(MediaType.wasmToOciConfig, json({})), [content], MediaType.ociManifest)
    }
    case 'cncf': {
      const content = await client.putBlob(MediaType.cncfContent, wasm)
      const config = json({ architecture: 'wasm', os: 'wasip1', layerDigests: [content.digest] })
      return image(await client.putBlob(MediaType.cncfConfig, config), [content], MediaType.ociManifest)
    }
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
