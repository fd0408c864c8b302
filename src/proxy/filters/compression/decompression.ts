import type { Cell } from '../../../telemetry/metrics.ts'
import type { HttpFilterCallbacks } from '../../http/filter.ts'
import type { StatsScope } from '../../stats/scope.ts'
import { BodyCodec, type BodyCodecOwner } from './body-codec.ts'
import type { DecompressorLibrary } from './decompressor-library.ts'
import type { Side } from './side.ts'

/** Envoy's counters of one direction. */
export interface DecompressionStats {
  readonly decompressed: Cell
  readonly notDecompressed: Cell
  readonly compressedBytes: Cell
  readonly uncompressedBytes: Cell
}

/** The counters below this prefix. */
export function decompressionStats(scope: StatsScope): DecompressionStats {
  return {
    decompressed: scope.counter('decompressed'),
    notDecompressed: scope.counter('not_decompressed'),
    compressedBytes: scope.counter('total_compressed_bytes'),
    uncompressedBytes: scope.counter('total_uncompressed_bytes'),
  }
}

/** One body that is opened. What breaks it ends it: as in Envoy the headers have gone, and what there was of it is handed on. */
export class Decompression implements BodyCodecOwner {
  readonly codec: BodyCodec
  readonly #library: DecompressorLibrary
  readonly #stats: DecompressionStats
  readonly #trailerPrefix: string
  readonly #side: Side
  readonly #callbacks: HttpFilterCallbacks
  #in = 0
  #out = 0

  constructor(
    library: DecompressorLibrary,
    stats: DecompressionStats,
    trailerPrefix: string,
    side: Side,
    callbacks: HttpFilterCallbacks,
  ) {
    this.#library = library
    this.#stats = stats
    this.#trailerPrefix = trailerPrefix
    this.#side = side
    this.#callbacks = callbacks
    this.codec = new BodyCodec(library.make(), side, callbacks, this, false, library.splitter?.())
  }

  onInput(bytes: number): void {
    this.#in += bytes
    this.#stats.compressedBytes.value += bytes
  }

  onOutput(bytes: number): void {
    this.#out += bytes
    this.#stats.uncompressedBytes.value += bytes
    const { chunkSize, maxRatio, excessive } = this.#library
    // As Envoy counts: by chunks that are full.
    if (this.#out - (this.#out % chunkSize) <= maxRatio * this.#in) return
    excessive.value++
    this.codec.giveUp()
  }

  onError(error: NodeJS.ErrnoException): void {
    this.#library.broken(error).value++
  }

  onEnd(): void {
    const trailers = this.#side.trailers(this.#callbacks)
    trailers.add(`${this.#trailerPrefix}-compressed-bytes`, String(this.#in))
    trailers.add(`${this.#trailerPrefix}-uncompressed-bytes`, String(this.#out))
  }
}
