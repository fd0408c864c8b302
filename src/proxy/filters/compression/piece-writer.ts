import type { Codec } from './body-codec.ts'

/** Cuts what comes for a codec that cannot take it at once. */
export interface Splitter {
  /** Used up before the next chunk is given. */
  split(chunk: Buffer): Iterator<Buffer, undefined>
}

/**
 * Writes what has to be cut to its codec, each piece when that is through with the one before: a read of frames of eight bytes is
 * thousands of pieces, which would take twenty times its memory and ten milliseconds of the data thread if all were written at once.
 */
export class PieceWriter {
  readonly #codec: Codec
  readonly #splitter: Splitter
  readonly #onEmpty: () => void
  readonly #waiting: Buffer[] = []
  #pieces: Iterator<Buffer, undefined> | undefined
  #stopped = false
  /** How much has come since it was last empty. */
  held = 0
  /** Nothing waits, nor is being worked on. */
  idle = true

  constructor(codec: Codec, splitter: Splitter, onEmpty: () => void) {
    this.#codec = codec
    this.#splitter = splitter
    this.#onEmpty = onEmpty
  }

  write(chunks: readonly Buffer[]): void {
    for (const chunk of chunks) {
      this.#waiting.push(chunk)
      this.held += chunk.length
    }
    if (this.idle) this.#next()
  }

  /** The codec takes no more. */
  stop(): void {
    this.#stopped = true
    this.#waiting.length = 0
  }

  #next(): void {
    if (this.#stopped) return
    let piece = this.#pieces?.next().value
    while (piece === undefined) {
      const chunk = this.#waiting.shift()
      if (chunk === undefined) {
        this.held = 0
        if (this.idle) return
        this.idle = true
        this.#onEmpty()
        return
      }
      this.#pieces = this.#splitter.split(chunk)
      piece = this.#pieces.next().value
    }
    this.idle = false
    this.#codec.write(piece, this.#written)
  }

  readonly #written = (error: Error | null | undefined): void => {
    if (error === undefined || error === null) this.#next()
  }
}
