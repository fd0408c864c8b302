import { constants, createBrotliDecompress, createGunzip } from 'node:zlib'
import type { TypedExtensionConfig } from '../../../../gen/envoy/config/core/v3/extension_pb.ts'
import {
  type Brotli,
  BrotliSchema,
} from '../../../../gen/envoy/extensions/compression/brotli/decompressor/v3/brotli_pb.ts'
import { type Gzip, GzipSchema } from '../../../../gen/envoy/extensions/compression/gzip/decompressor/v3/gzip_pb.ts'
import type { Cell } from '../../../telemetry/metrics.ts'
import { unpack } from '../../config/any.ts'
import { onlyFields, unsupported, within } from '../../config/fields.ts'
import type { StatsScope } from '../../stats/scope.ts'
import { type Codec, HELD } from './body-codec.ts'

/** Where there is no `max_inflate_ratio`; brotli's is fixed in Envoy. */
const GZIP_RATIO = 100
const BROTLI_RATIO = 1000

/** What opens one content coding. */
export interface DecompressorLibrary {
  readonly coding: string
  /** Its part in the names of statistics. */
  readonly statName: string
  readonly chunkSize: number
  /** How many times its input an output may be. */
  readonly maxRatio: number
  readonly make: () => Codec
  readonly broken: Cell
  readonly excessive: Cell
}

/** Reads `decompressor_library`; `stats` is below the filter's own prefix. */
export function decompressorLibrary(config: TypedExtensionConfig | undefined, stats: StatsScope): DecompressorLibrary {
  const path = 'decompressor.decompressor_library.typed_config'
  const { typeName, message } = unpack(config?.typedConfig, path)
  if (typeName === GzipSchema.typeName) return gzip(message as Gzip, stats.scope('gzip.decompressor_library.'), path)
  if (typeName === BrotliSchema.typeName)
    return brotli(message as Brotli, stats.scope('brotli.decompressor_library.'), path)
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
  return {
    coding: 'gzip',
    statName: 'gzip',
    chunkSize,
    maxRatio: within(config.maxInflateRatio, GZIP_RATIO, 1, 1032, `${path}.max_inflate_ratio`),
    make: () => createGunzip(options),
    broken,
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
  return {
    coding: 'br',
    statName: 'brotli',
    chunkSize,
    maxRatio: BROTLI_RATIO,
    make: () => createBrotliDecompress(options),
    broken: stats.counter('brotli_error'),
    excessive: stats.counter('brotli_output_overflow'),
  }
}
