import { createHash, createHmac, randomBytes } from 'node:crypto'

/** A new secret each day. BoringSSL, in Envoy, makes new keys every two days, Go each day. */
const EPOCH_SECONDS = 86_400
/** No session is older than seven days (RFC 8446 4.6.1), and the first of these had begun before them. */
const KEPT = 8

/** The secrets of one moment, newest first, for a thread that starts. */
export interface TicketSeed {
  readonly epoch: number
  readonly secrets: readonly Uint8Array[]
}

/**
 * What the process makes its own keys of session tickets from. It changes with the time, in the same way in every thread that began
 * with the same seed; each secret follows from the one before, and none from a later one, so that what is forgotten is gone.
 */
export class TicketSecret {
  readonly #seconds: () => number
  #epoch: number
  #secrets: Uint8Array[]

  constructor(seed?: TicketSeed, seconds: () => number = processSeconds) {
    this.#seconds = seconds
    this.#epoch = seed?.epoch ?? Math.floor(seconds() / EPOCH_SECONDS)
    this.#secrets = seed === undefined ? [randomBytes(32)] : [...seed.secrets]
  }

  get seed(): TicketSeed {
    this.#advance()
    return { epoch: this.#epoch, secrets: this.#secrets.map((secret) => Uint8Array.from(secret)) }
  }

  /** Which secret is the newest; it changes when they do. */
  get epoch(): number {
    this.#advance()
    return this.#epoch
  }

  /** A key for each secret that is kept, newest first; contexts have different ones. */
  keys(context: Uint8Array): Buffer[] {
    this.#advance()
    return this.#secrets.map((secret) => createHmac('sha384', secret).update(context).digest())
  }

  #advance(): void {
    const now = Math.floor(this.#seconds() / EPOCH_SECONDS)
    while (this.#epoch < now) {
      this.#epoch++
      this.#secrets.unshift(createHash('sha256').update(this.#secrets[0]).digest())
    }
    for (const secret of this.#secrets.splice(KEPT)) secret.fill(0)
  }
}

/** One clock for all threads, that nobody sets. */
function processSeconds(): number {
  return process.hrtime()[0]
}
