import type { Status } from '../../gen/google/rpc/status_pb.ts'
import { blame } from './blame.ts'
import type { AdsServerEvents, Connection } from './server-events.ts'
import type { NodeSnapshot, TypeChange, TypeState } from './snapshot.ts'
import type { Subscription } from './subscription.ts'
import type { Stream } from './transport.ts'

/** What a request of either protocol says about a response. */
interface Answer {
  readonly responseNonce: string
  readonly errorDetail?: Status | undefined
}

/** The server's side of one stream, apart from what the two protocols put into requests and responses. */
export abstract class ServerStream<Request, Response, S extends Subscription> {
  readonly connection: Connection
  protected readonly subscriptions = new Map<string, S>()
  readonly #stream: Stream<Response, Request>
  readonly #events: AdsServerEvents
  readonly #snapshot: () => NodeSnapshot | undefined
  #nonce = 0

  constructor(
    connection: Connection,
    stream: Stream<Response, Request>,
    events: AdsServerEvents,
    snapshot: () => NodeSnapshot | undefined,
  ) {
    this.connection = connection
    this.#stream = stream
    this.#events = events
    this.#snapshot = snapshot
  }

  abstract onRequest(request: Request): void
  abstract onChange(change: TypeChange): void
  /** The node's first snapshot has come: answer what has been waiting for it. */
  abstract onFirstSnapshot(typeUrl: string): void

  /** What the node may get of this type; `undefined` as long as it has no snapshot. */
  protected resources(typeUrl: string): TypeState | undefined {
    return this.#snapshot()?.type(typeUrl)
  }

  /**
   * Tells what the client says about a response of ours, and returns what of a refused one is to be sent again: each list by
   * itself. `undefined`: the request answers none, or again.
   */
  protected settle(
    subscription: S,
    { responseNonce, errorDetail }: Answer,
  ): readonly (readonly string[])[] | undefined {
    const answered = subscription.answered(responseNonce)
    if (answered === undefined) return undefined
    const { typeUrl } = subscription
    const outcome = { connection: this.connection, typeUrl, nonce: responseNonce, ...answered }
    if (errorDetail === undefined) {
      this.#events.onAck?.(outcome)
      return []
    }
    const error = errorDetail.message
    const { blamed, retry } = blame(typeUrl, answered.names, error)
    this.#events.onNack?.({ ...outcome, error, blamed })
    return retry
  }

  /** Sends a response that has these names, and notes that it is to be answered. */
  protected push(
    subscription: S,
    { version, names, bytes }: { version: string; names: readonly string[]; bytes: number },
    response: (nonce: string) => Response,
  ): void {
    const nonce = String(++this.#nonce)
    subscription.sent(nonce, version, names)
    this.#stream.send(response(nonce))
    const { connection } = this
    this.#events.onPush?.({ connection, typeUrl: subscription.typeUrl, version, nonce, names, bytes })
  }
}
