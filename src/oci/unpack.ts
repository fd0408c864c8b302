import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { constants, createGunzip, createZstdDecompress } from 'node:zlib'
import { SluiceError } from '../errors.ts'
import { SupplyError } from './supply-error.ts'
import { type TarEntry, walkTar } from './tar.ts'

/** What ends the unpacking of a bomb. */
export interface UnpackLimits {
  /** Unpacked bytes, of a module and of the archive around it (ISTIO_WASM_MAX_BINARY_SIZE_BYTES). */
  readonly maxBytes: number
  /** Unpacked bytes per packed byte, once more than 16 MiB came out. Wasm compresses 3 to 10 times. */
  readonly maxRatio: number
}

/** 256 MiB as in Istio. */
export const DEFAULT_LIMITS: UnpackLimits = { maxBytes: 268_435_456, maxRatio: 100 }

const RATIO_FREE_BYTES = 16 * 1024 * 1024

/** How a layer is packed. */
export type Compression = 'none' | 'gzip' | 'zstd'

/** The unpacked content of a file, cut off with an error of its own at either limit. */
export async function* unpacked(path: string, compression: Compression, limits: UnpackLimits): AsyncGenerator<Buffer> {
  const { size: packed } = await stat(path)
  const file = createReadStream(path)
  let out = 0
  for await (const chunk of decompress(file, compression)) {
    out += chunk.length
    if (out > limits.maxBytes) throw new SupplyError('SL3013', `more than ${limits.maxBytes} bytes unpacked`)
    if (out > RATIO_FREE_BYTES && out > packed * limits.maxRatio && compression !== 'none') {
      throw new SupplyError('SL3014', `${packed} packed bytes became more than ${limits.maxRatio} times as many`)
    }
    yield chunk
  }
}

async function* decompress(file: NodeJS.ReadableStream, compression: Compression): AsyncGenerator<Buffer> {
  if (compression === 'none') {
    yield* file as AsyncIterable<Buffer>
    return
  }
  // A zstd frame may ask for a window of gigabytes; 2^27 bytes is what zstd's own command allows.
  const window = { params: { [constants.ZSTD_d_windowLogMax]: 27 } }
  const stream = compression === 'gzip' ? createGunzip() : createZstdDecompress(window)
  pipeline(file, stream, () => {}) // its errors show in the loop below
  try {
    yield* stream as AsyncIterable<Buffer>
  } catch (error) {
    if (error instanceof SluiceError) throw error
    throw new SupplyError('SL3012', `${compression} content cannot be unpacked (${(error as Error).message})`)
  }
}

/** Writes a stream to a new file; the disk's errors pass as they are. */
export async function writeStream(source: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  const file = await open(path, 'wx')
  try {
    for await (const chunk of source) await file.writeFile(chunk)
  } finally {
    await file.close()
  }
}

/** Extracts the first entry that `wanted` takes to `target`; returns its name, or what other plain files there are. */
export async function extractFromTar(
  path: string,
  compression: Compression,
  limits: UnpackLimits,
  wanted: (entry: TarEntry) => boolean,
  target: string,
): Promise<{ found?: string; files: string[] }> {
  const files: string[] = []
  let found: string | undefined
  const file = await open(target, 'w')
  try {
    await walkTar(unpacked(path, compression, limits), (entry) => {
      if (!entry.isFile) return undefined
      if (files.length < 100) files.push(entry.name)
      if (!wanted(entry)) return undefined
      if (entry.size > limits.maxBytes) throw new SupplyError('SL3013', `${entry.name} has ${entry.size} bytes`)
      found = entry.name
      return { write: async (chunk) => await file.writeFile(chunk), last: true }
    })
  } catch (error) {
    if (error instanceof SluiceError || (error as NodeJS.ErrnoException).code !== undefined) throw error
    throw new SupplyError('SL3012', (error as Error).message)
  } finally {
    await file.close()
  }
  return found === undefined ? { files } : { found, files }
}
