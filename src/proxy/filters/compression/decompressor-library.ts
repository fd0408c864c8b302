import { constants, createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'
import type { TypedExtensionConfig } from '../../../../gen/envoy/config/core/v3/extension_pb.ts'
import {
  type Brotli,
  BrotliSchema,
} from '../../../../gen/envoy/extensions/compression/brotli/decompressor/v3/brotli_pb.ts'
import { type Gzip, GzipSchema } from '../../../../gen/envoy/extensions/compression/gzip/decompressor/v3/gzip_pb.ts'
import { type Zstd, ZstdSchema } from '../../../../gen/envoy/extensions/compression/zstd/decompressor/v3/zstd_pb.ts'
import type { Cell } from '../../../telemetry/metrics.ts'
import { unpack } from '../../config/any.ts'
import { onlyFields, unsupported, within } from '../../config/fields.ts'
import type { StatsScope } from '../../stats/scope.ts'
import { type Codec, HELD } from './body-codec.ts'
import type { Splitter } from './piece-writer.ts'
import { zstdDictionary } from './zstd-dictionary.ts'
import { ZstdFrames } from './zstd-frames.ts'

/** zstd's, and gzip's where there is no `max_inflate_ratio`. */
const RATIO = 100
/** Fixed in Envoy, as zstd's is. */
const BROTLI_RATIO = 1000

/** RFC 9659 3: the window that every decoder has to have, and no encoder may exceed, is 8 MB. */
export const ZSTD_WINDOW = 23

/** What opens one content coding. */
export interface DecompressorLibrary {
  readonly coding: string
  /** Its part in the names of statistics. */
  readonly statName: string
  readonly chunkSize: number
  /** How many times its input an output may be. */
  readonly maxRatio: number
  readonly make: () => Codec
  readonly splitter?: () => Splitter
  /** Counts a body that is not as it should be. */
  readonly broken: (error: NodeJS.ErrnoException) => Cell
  readonly excessive: Cell
}

/** Reads `decompressor_library`; `stats` is below the filter's own prefix. */
export function decompressorLibrary(config: TypedExtensionConfig | undefined, stats: StatsScope): DecompressorLibrary {
  const path = 'decompressor.decompressor_library.typed_config'
  const { typeName, message } = unpack(config?.typedConfig, path)
  if (typeName === GzipSchema.typeName) return gzip(message as Gzip, stats.scope('gzip.decompressor_library.'), path)
  if (typeName === BrotliSchema.typeName)
    return brotli(message as Brotli, stats.scope('brotli.decompressor_library.'), path)
  if (typeName === ZstdSchema.typeName) return zstd(message as Zstd, stats.scope('zstd.decompressor_library.'), path)
  throw unsupported(path, `decompressor ${typeName}`)
}

function gzip(config: Gzip, stats: StatsScope, path: string): DecompressorLibrary {
  onlyFields(GzipSchema, config, ['window_bits', 'chunk_size', 'max_inflate_ratio'], path)
  const chunkSize = within(config.chunkSize, 4096, 4096, 65_536, `${path}.chunk_size`)
  const options = {
    windowBits: within(config.windowBits, 15, 9, 15, `${path}.window_bits`),
    chunkSize,
    highWaterMark: HELD,
    // A body that ends too early is handed on as far as it goes, as by Envoy.
    finishFlush: constants.Z_SYNC_FLUSH,
  }
  const broken = stats.counter('zlib_data_error')
  const cells: Partial<Record<string, Cell>> = {
    Z_ERRNO: stats.counter('zlib_errno'),
    Z_STREAM_ERROR: stats.counter('zlib_stream_error'),
    Z_MEM_ERROR: stats.counter('zlib_mem_error'),
    Z_BUF_ERROR: stats.counter('zlib_buf_error'),
    Z_VERSION_ERROR: stats.counter('zlib_version_error'),
  }
  return {
    coding: 'gzip',
    statName: 'gzip',
    chunkSize,
    maxRatio: within(config.maxInflateRatio, RATIO, 1, 1032, `${path}.max_inflate_ratio`),
    make: () => createGunzip(options),
    broken: ({ code = '' }) => cells[code] ?? broken,
    excessive: broken,
  }
}

function brotli(config: Brotli, stats: StatsScope, path: string): DecompressorLibrary {
  onlyFields(BrotliSchema, config, ['disable_ring_buffer_reallocation', 'chunk_size'], path)
  const chunkSize = within(config.chunkSize, 4096, 4096, 65_536, `${path}.chunk_size`)
  const options = {
    chunkSize,
    highWaterMark: HELD,
    params: { [constants.BROTLI_DECODER_PARAM_DISABLE_RING_BUFFER_REALLOCATION]: config.disableRingBufferReallocation },
    finishFlush: constants.BROTLI_OPERATION_FLUSH,
  }
  const broken = stats.counter('brotli_error')
  return {
    coding: 'br',
    statName: 'brotli',
    chunkSize,
    maxRatio: BROTLI_RATIO,
    make: () => createBrotliDecompress(options),
    broken: () => broken,
    excessive: stats.counter('brotli_output_overflow'),
  }
}

function zstd(config: Zstd, stats: StatsScope, path: string): DecompressorLibrary {
  onlyFields(ZstdSchema, config, ['dictionaries', 'chunk_size'], path)
  if (config.dictionaries.length > 1) throw unsupported(`${path}.dictionaries[1]`, 'more than one dictionary')
  const chunkSize = within(config.chunkSize, 4096, 4096, 65_536, `${path}.chunk_size`)
  const options = {
    chunkSize,
    highWaterMark: HELD,
    params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW },
    finishFlush: constants.ZSTD_e_flush,
    ...zstdDictionary(config.dictionaries[0], `${path}.dictionaries[0]`),
  }
  const [generic, dictionary, checksum, memory] = [
    stats.counter('zstd_generic_error'),
    stats.counter('zstd_dictionary_error'),
    stats.counter('zstd_checksum_wrong_error'),
    stats.counter('zstd_memory_error'),
  ]
  const cells: Partial<Record<string, Cell>> = {
    ZSTD_error_dictionary_corrupted: dictionary,
    ZSTD_error_dictionary_wrong: dictionary,
    ZSTD_error_checksum_wrong: checksum,
    ZSTD_error_memory_allocation: memory,
  }
  return {
    coding: 'zstd',
    statName: 'zstd',
    chunkSize,
    maxRatio: RATIO,
    make: () => createZstdDecompress(options),
    splitter: () => new ZstdFrames(),
    broken: ({ code = '' }) => cells[code] ?? generic,
    excessive: generic,
  }
}
