import type { AdsServerStream, DeltaAdsServerStream } from '../../../src/xds/index.ts'
import type { Entry, Kind } from './trial.ts'
import { KINDS, TYPES } from './types.ts'

/** What a client asks for of one type, and what it answered last. */
export interface Subscription {
  readonly names: Set<string>
  nonce: string
  answered: boolean
  refusal: string | undefined
  /** Of the last request; delta requests have none. */
  version: string | undefined
  /** Of a request that answers nothing that was said on this stream. */
  wrongNonce: boolean
}

/** One that there is, with the version of its own that delta has. */
export interface HeldEntry extends Entry {
  readonly version: string
}

export interface Held {
  readonly version: string
  readonly entries: readonly HeldEntry[]
}

/** What is said, and how it is counted. */
export interface Script {
  held(kind: Kind): Held | undefined
  nonce(): string
}

interface Heard {
  readonly typeUrl: string
  readonly responseNonce: string
  readonly errorDetail?: { readonly message: string } | undefined
}

/** One stream, apart from what the two protocols put into requests and responses. */
export abstract class Talk<Request extends Heard = Heard> {
  abstract readonly form: 'state of the world' | 'delta'
  readonly subscriptions = new Map<Kind, Subscription>()
  /** When the client was last heard. */
  heard = performance.now()
  protected readonly script: Script
  readonly #stream: AdsServerStream | DeltaAdsServerStream

  constructor(script: Script, stream: AdsServerStream | DeltaAdsServerStream) {
    this.script = script
    this.#stream = stream
  }

  hear(request: Request): void {
    this.heard = performance.now()
    const { typeUrl, responseNonce, errorDetail } = request
    const kind = KINDS.find((one) => TYPES[one] === typeUrl)
    if (kind === undefined) return
    const before = this.subscriptions.get(kind)
    const now: Subscription = before ?? {
      names: new Set(),
      nonce: '',
      answered: true,
      refusal: undefined,
      version: undefined,
      wrongNonce: responseNonce !== '',
    }
    this.subscriptions.set(kind, now)
    if (responseNonce !== '' && responseNonce === now.nonce && !now.answered) {
      now.answered = true
      now.refusal = errorDetail?.message
    }
    this.asked(kind, now, request, before === undefined)
  }

  /** Takes what a request asks for. */
  protected abstract asked(kind: Kind, subscription: Subscription, request: Request, first: boolean): void

  /** Says what there is now; `again`: also to who has it. */
  abstract push(kind: Kind, again: boolean): void

  /** Says these, whatever there is. */
  abstract say(kind: Kind, version: string, entries: readonly HeldEntry[]): void

  /** The nonce of what is said now. */
  protected next(subscription: Subscription): string {
    subscription.nonce = this.script.nonce()
    subscription.answered = false
    return subscription.nonce
  }

  close(): void {
    this.#stream.close()
  }
}
