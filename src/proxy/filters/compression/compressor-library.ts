import { constants, createBrotliCompress, createGzip, createZstdCompress } from 'node:zlib'
import type { TypedExtensionConfig } from '../../../../gen/envoy/config/core/v3/extension_pb.ts'
import {
  type Brotli,
  BrotliSchema,
} from '../../../../gen/envoy/extensions/compression/brotli/compressor/v3/brotli_pb.ts'
import { type Gzip, GzipSchema } from '../../../../gen/envoy/extensions/compression/gzip/compressor/v3/gzip_pb.ts'
import { type Zstd, ZstdSchema } from '../../../../gen/envoy/extensions/compression/zstd/compressor/v3/zstd_pb.ts'
import { unpack } from '../../config/any.ts'
import { invalid, onlyFields, unsupported, within } from '../../config/fields.ts'
import { type Codec, HELD } from './body-codec.ts'
import { ZSTD_WINDOW } from './decompressor-library.ts'
import { zstdDictionary } from './zstd-dictionary.ts'

/** What makes one content coding. */
export interface CompressorLibrary {
  readonly encoding: string
  /** Its part in the names of statistics. */
  readonly statName: string
  /** `length`: of the body, as far as it is announced. */
  readonly make: (length: number | undefined) => Codec
}

/** Reads `compressor_library`. */
export function compressorLibrary(config: TypedExtensionConfig | undefined): CompressorLibrary {
  const path = 'compressor.compressor_library.typed_config'
  if (config?.name === '') throw invalid('compressor.compressor_library.name', 'a name is missing')
  const { typeName, message } = unpack(config?.typedConfig, path)
  if (typeName === GzipSchema.typeName) return gzip(message as Gzip, path)
  if (typeName === BrotliSchema.typeName) return brotli(message as Brotli, path)
  if (typeName === ZstdSchema.typeName) return zstd(message as Zstd, path)
  throw unsupported(path, `compressor ${typeName}`)
}

function gzip(config: Gzip, path: string): CompressorLibrary {
  onlyFields(GzipSchema, config, ['memory_level', 'compression_level', 'window_bits', 'chunk_size'], path)
  const options = {
    memLevel: within(config.memoryLevel, 5, 1, 9, `${path}.memory_level`),
    windowBits: within(config.windowBits, 12, 9, 15, `${path}.window_bits`),
    level: within(config.compressionLevel, 0, 0, 9, `${path}.compression_level`) || constants.Z_DEFAULT_COMPRESSION,
    chunkSize: chunkSize(config.chunkSize, path),
    highWaterMark: HELD,
  }
  return { encoding: 'gzip', statName: 'gzip', make: () => createGzip(options) }
}

function brotli(config: Brotli, path: string): CompressorLibrary {
  onlyFields(BrotliSchema, config, ['quality', 'window_bits', 'chunk_size'], path)
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: within(config.quality, 3, 0, 11, `${path}.quality`),
    [constants.BROTLI_PARAM_LGWIN]: within(config.windowBits, 18, 10, 24, `${path}.window_bits`),
  }
  const options = { params, chunkSize: chunkSize(config.chunkSize, path), highWaterMark: HELD }
  return { encoding: 'br', statName: 'brotli', make: () => createBrotliCompress(options) }
}

/**
 * Windows of zstd are 512 KiB and more, by level, and all that belongs to one is allocated for each body. One of up to this size gets a
 * window of its own size: a body of 1 KiB then takes 0.12 ms of CPU time instead of 0.32.
 */
const SMALL = 2 ** 18
/** The smallest window of RFC 8878 3.1.1.1.2, as a logarithm. */
const SMALLEST_WINDOW = 10

/** Levels from here on have windows beyond those that HTTP allows. */
const LARGE_WINDOWS = 20

function zstd(config: Zstd, path: string): CompressorLibrary {
  onlyFields(ZstdSchema, config, ['compression_level', 'enable_checksum', 'strategy', 'dictionary', 'chunk_size'], path)
  const level = within(config.compressionLevel, 0, 0, 22, `${path}.compression_level`)
  const options = {
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: config.enableChecksum,
      // The numbers are those of zstd.
      [constants.ZSTD_c_strategy]: within(config.strategy, 0, 0, 9, `${path}.strategy`),
      ...(level >= LARGE_WINDOWS ? { [constants.ZSTD_c_windowLog]: ZSTD_WINDOW } : {}),
    },
    chunkSize: chunkSize(config.chunkSize, path, 4096),
    highWaterMark: HELD,
    ...zstdDictionary(config.dictionary, `${path}.dictionary`),
  }
  const small = (length: number) => {
    const window = Math.max(SMALLEST_WINDOW, Math.ceil(Math.log2(length)))
    return { ...options, params: { ...options.params, [constants.ZSTD_c_windowLog]: window } }
  }
  return {
    encoding: 'zstd',
    statName: 'zstd',
    // A dictionary needs room in the window, too.
    make: (length = Infinity) =>
      createZstdCompress(length <= SMALL && config.dictionary === undefined ? small(length) : options),
  }
}

/** Envoy's bounds, here as above: zlib throws at what it cannot do, and would do so within a request. */
function chunkSize(value: number | undefined, path: string, absent = 16_384): number {
  return within(value, absent, 4096, 65_536, `${path}.chunk_size`)
}
