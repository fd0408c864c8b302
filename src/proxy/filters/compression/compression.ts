import type { Cell } from '../../../telemetry/metrics.ts'
import type { HttpFilterCallbacks } from '../../http/filter.ts'
import type { StatsScope } from '../../stats/scope.ts'
import { BodyCodec, type BodyCodecOwner, type Codec } from './body-codec.ts'
import type { Side } from './side.ts'

/** Envoy's counters of one direction. */
export interface CompressionStats {
  readonly compressed: Cell
  readonly notCompressed: Cell
  readonly uncompressedBytes: Cell
  readonly compressedBytes: Cell
}

/** The counters below this prefix. */
export function compressionStats(scope: StatsScope): CompressionStats {
  return {
    compressed: scope.counter('compressed'),
    notCompressed: scope.counter('not_compressed'),
    uncompressedBytes: scope.counter('total_uncompressed_bytes'),
    compressedBytes: scope.counter('total_compressed_bytes'),
  }
}

/** One body that is compressed. */
export class Compression implements BodyCodecOwner {
  readonly codec: BodyCodec
  readonly #stats: CompressionStats
  readonly #callbacks: HttpFilterCallbacks

  constructor(codec: Codec, stats: CompressionStats, side: Side, callbacks: HttpFilterCallbacks) {
    this.#stats = stats
    this.#callbacks = callbacks
    stats.compressed.value++
    // What was written must come out even if nothing follows for long: a stream of events is a response, too.
    this.codec = new BodyCodec(codec, side, callbacks, this, true)
  }

  onInput(bytes: number): void {
    this.#stats.uncompressedBytes.value += bytes
  }

  onOutput(bytes: number): void {
    this.#stats.compressedBytes.value += bytes
  }

  onEnd(): void {}

  onError(error: Error): void {
    this.#callbacks.resetStream(`compressor: ${error.message}`)
  }
}
