/** RFC 9113 3.4, as much of it as no HTTP/1.1 request can begin with. */
const PREFACE = 'PRI * HTTP/2.0\r\n\r\n'

/** Tells by its first bytes, which may come one by one, whether a connection in the clear speaks HTTP/2. */
export class PrefaceWatch {
  /** Takes over a connection that does, with its first bytes. */
  readonly handOver: (first: Buffer) => void
  #early: Buffer | undefined

  constructor(handOver: (first: Buffer) => void) {
    this.handOver = handOver
  }

  /** Something has come, and may be either. */
  get begun(): boolean {
    return this.#early !== undefined
  }

  /** Whether these bytes need be taken: most requests cannot be HTTP/2 by their first letter. */
  canBe(chunk: Buffer): boolean {
    return this.begun || chunk[0] === PREFACE.charCodeAt(0)
  }

  /** Takes bytes that are not read again; says what all of them together are, or `undefined` while they may be either. */
  take(chunk: Buffer): { readonly isHttp2: boolean; readonly bytes: Buffer } | undefined {
    const bytes = this.#early === undefined ? chunk : Buffer.concat([this.#early, chunk])
    const text = bytes.latin1Slice(0, Math.min(bytes.length, PREFACE.length))
    const isHttp2 = text === PREFACE
    if (isHttp2 || !PREFACE.startsWith(text)) return { isHttp2, bytes }
    this.#early = bytes
    return undefined
  }
}
