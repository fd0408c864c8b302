import { create } from '@bufbuild/protobuf'
import type { Node } from '../../gen/envoy/config/core/v3/base_pb.ts'
import { type Status, StatusSchema } from '../../gen/google/rpc/status_pb.ts'
import type { Delivery, RejectedResource } from './delivery.ts'
import type { Stream } from './transport.ts'
import type { Watch } from './watch.ts'

/** gRPC's INVALID_ARGUMENT, which Envoy's own NACKs carry too. */
const INVALID_ARGUMENT = 3

/** The client's side of one stream, apart from what the two protocols put into requests and responses. */
export abstract class ClientStream<Request, Response> {
  readonly #stream: Stream<Request, Response>
  readonly #asked = new Set<Watch>()
  #node: Node | undefined

  constructor(stream: Stream<Request, Response>, node: Node) {
    this.#stream = stream
    this.#node = node
  }

  /** Whether anything of this type has been asked for. */
  asked(watch: Watch): boolean {
    return this.#asked.has(watch)
  }

  listen(onDelivery: (delivery: Delivery) => void, onClose: (error?: Error) => void): void {
    this.#stream.onMessage((response) => onDelivery(this.read(response)))
    this.#stream.onClose(onClose)
  }

  /** Says what is wanted; with the nonce of a response, what has become of that one. */
  request(watch: Watch, nonce?: string, error?: string): void {
    const errorDetail =
      error === undefined ? undefined : create(StatusSchema, { code: INVALID_ARGUMENT, message: error })
    const request = this.write(watch, { node: this.#node, nonce, errorDetail })
    // Only the first request of a stream has to carry the node.
    this.#node = undefined
    this.#asked.add(watch)
    watch.said()
    this.#stream.send(request)
  }

  /** Notes what of a delivery is in force. */
  took(watch: Watch, { version }: Delivery, rejected: readonly RejectedResource[]): void {
    if (rejected.length === 0) watch.version = version
  }

  /** A name is about to be wanted again that was given up within the same turn. */
  abstract regain(watch: Watch): void

  close(): void {
    this.#stream.close()
  }

  protected abstract read(response: Response): Delivery
  protected abstract write(watch: Watch, parts: RequestParts): Request
}

/** What a request has beside what is wanted. */
export interface RequestParts {
  readonly node: Node | undefined
  readonly nonce: string | undefined
  readonly errorDetail: Status | undefined
}
