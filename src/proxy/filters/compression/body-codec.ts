import { constants, ZstdCompress } from 'node:zlib'
import type { BodyBuffer } from '../../../base/body-buffer.ts'
import type { HttpFilterCallbacks } from '../../http/filter.ts'
import type { Throttle } from '../../http/throttle.ts'
import { type Flushable, flushAtEndOfTurn } from '../../network/end-of-turn.ts'
import { PieceWriter, type Splitter } from './piece-writer.ts'
import type { Side } from './side.ts'

/** Of node:zlib; they work on the thread pool, as they are the dearest that a filter can do to a data thread. */
export type Codec = ReturnType<
  typeof import('node:zlib')['createGzip' | 'createBrotliDecompress' | 'createZstdCompress' | 'createZstdDecompress']
>

/** How many bytes wait before a codec and behind it (`highWaterMark`), besides what one read or one chunk brings. */
export const HELD = 16_384

/** What becomes of a body on its way through a codec. */
export interface BodyCodecOwner {
  onInput(bytes: number): void
  /** Some output, before it goes on. */
  onOutput(bytes: number): void
  /** All output has gone on; trailers may be added. */
  onEnd(): void
  onError(error: NodeJS.ErrnoException): void
}

/**
 * A body on its way through a codec. Waits at both ends: for the codec, which stops the peer, and for those behind, who stop the codec.
 * So no more is held than the codec's two buffers and what one read brings, whatever becomes of that.
 */
export class BodyCodec implements Flushable {
  readonly #callbacks: HttpFilterCallbacks
  readonly #side: Side
  readonly #owner: BodyCodecOwner
  readonly #throttle: Throttle
  readonly #codec: Codec
  /** What has come in a turn of the event loop is to be given out at its end; each flush adds to the body. */
  readonly #flushes: boolean
  #flushing = false
  /** Of a codec that cannot take all that comes. */
  readonly #pieces: PieceWriter | undefined
  /** It gives nothing more: has come to its own end, or was given up. What follows is dropped. */
  #over = false
  #complete = false

  constructor(
    codec: Codec,
    side: Side,
    callbacks: HttpFilterCallbacks,
    owner: BodyCodecOwner,
    flushes: boolean,
    splitter?: Splitter,
  ) {
    this.#codec = codec
    this.#side = side
    this.#callbacks = callbacks
    this.#owner = owner
    this.#flushes = flushes
    if (splitter === undefined) codec.on('drain', () => this.#throttle.drained())
    else this.#pieces = new PieceWriter(codec, splitter, () => this.#empty())
    codec.on('data', (chunk: Buffer) => this.#output(chunk))
    codec.on('end', () => this.#ended())
    codec.on('error', (error) => {
      this.#owner.onError(error)
      this.giveUp()
    })
    // Last: it may be that those behind take nothing now.
    this.#throttle = side.throttle(callbacks, codec)
  }

  write(data: BodyBuffer, endStream: boolean): void {
    this.#owner.onInput(data.length)
    if (!this.#over) {
      const room = this.#write(data.chunks)
      if (this.#flushes && !endStream && !this.#flushing) {
        this.#flushing = true
        flushAtEndOfTurn(this)
      }
      if (!room && !endStream) this.#throttle.full()
    }
    data.clear()
    if (endStream) this.complete()
  }

  flush(): void {
    this.#flushing = false
    if (!this.#over && !this.#complete) this.#codec.flush()
  }

  /** False: there is no room for more. */
  #write(chunks: readonly Buffer[]): boolean {
    const pieces = this.#pieces
    if (pieces !== undefined) {
      pieces.write(chunks)
      return pieces.held < HELD
    }
    let room = true
    for (const chunk of chunks) room = this.#codec.write(chunk)
    return room
  }

  #empty(): void {
    if (this.#complete) this.#codec.end()
    else this.#throttle.drained()
  }

  /** Nothing follows but trailers, where there are some. */
  complete(): void {
    this.#complete = true
    if (this.#over) process.nextTick(finish, this.#owner, this.#side, this.#callbacks)
    else if (this.#codec instanceof ZstdCompress) this.#codec.flush(constants.ZSTD_e_continue, () => this.#endFrame())
    else if (this.#pieces?.idle !== false) this.#codec.end()
  }

  /** Node ends the frame with the last write where the end is known by then, and once more at the end: an empty frame would follow. */
  #endFrame(): void {
    if (!this.#over) this.#codec.end()
  }

  /** Takes no more of what the codec gives; the message goes on without. */
  giveUp(): void {
    if (!this.#over) this.#ended()
    this.destroy()
  }

  destroy(): void {
    this.#stop()
    const codec = this.#codec
    codec.removeAllListeners()
    // What it was doing may yet fail.
    codec.on('error', ignore)
    codec.destroy()
  }

  #output(chunk: Buffer): void {
    this.#side.inject(this.#callbacks, chunk)
    if (!this.#over) this.#owner.onOutput(chunk.length)
  }

  #stop(): void {
    this.#over = true
    this.#pieces?.stop()
  }

  #ended(): void {
    this.#stop()
    this.#throttle.drained()
    if (this.#complete) finish(this.#owner, this.#side, this.#callbacks)
  }
}

function finish(owner: BodyCodecOwner, side: Side, callbacks: HttpFilterCallbacks): void {
  owner.onEnd()
  side.end(callbacks)
}

function ignore(): void {}
