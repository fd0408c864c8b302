import type { Any } from '@bufbuild/protobuf/wkt'

/** A resource of a response, with its name. */
export interface NamedResource {
  /** '' where it cannot be read. */
  readonly name: string
  /** Its own (delta), or that of the response. */
  readonly version: string
  readonly resource: Any
}

/** Why one resource of a response cannot be used. */
export interface RejectedResource {
  readonly name: string
  readonly reason: string
}

/** What a response says, by whichever protocol it came. */
export interface Delivery {
  readonly typeUrl: string
  readonly nonce: string
  readonly version: string
  readonly resources: readonly NamedResource[]
  /** Names that there are no more; undefined: all that are not among the resources. */
  readonly removed: readonly string[] | undefined
  /** Why nothing of it counts. */
  readonly malformed?: string | undefined
}

/**
 * Takes the resources of one response and returns what it refuses; nothing refused is an ACK. What it does not refuse must be in
 * force when it returns (or its promise resolves), refused resources keep their former state. Responses of one type never overlap.
 * `removed`: the names that there are no more, or undefined where those are all that it does not have.
 */
export type ResourceHandler = (
  resources: readonly NamedResource[],
  version: string,
  removed: readonly string[] | undefined,
) => readonly RejectedResource[] | Promise<readonly RejectedResource[]>
