import type { JsonObject } from '@bufbuild/protobuf'
import type { Node } from '../../gen/envoy/config/core/v3/base_pb.ts'
import type { ExtensionReport } from './extension-report.ts'

/** One open stream whose node is known. */
export interface Connection {
  /** Unique in this server's life. */
  readonly id: number
  readonly nodeId: string
  readonly node: Node
  /** `node.metadata` as plain JSON. */
  readonly metadata: JsonObject
  readonly delta: boolean
  readonly connectedAt: number
  /** Whether the client is on this machine. */
  readonly local: boolean
  close(error?: Error): void
}

/** The answer of a client to one response. */
export interface Outcome {
  readonly connection: Connection
  readonly typeUrl: string
  /** Of the response that is answered. */
  readonly version: string
  readonly nonce: string
  /** The resources of that response, removed ones too. */
  readonly names: readonly string[]
}

/** A NACK. */
export interface Rejection extends Outcome {
  readonly error: string
  /** Those of `names` that are refused for good; the others are sent again without them. */
  readonly blamed: readonly string[]
}

/** What an AdsServer tells its owner. All calls are synchronous and must not throw. */
export interface AdsServerEvents {
  /** The node is known, nothing has been answered yet: the moment to set its snapshot. */
  onConnect?(connection: Connection): void
  onDisconnect?(connection: Connection): void
  onAck?(outcome: Outcome): void
  onNack?(rejection: Rejection): void
  /** A response went out; its answer, if one comes, is an {@link Outcome} of the same nonce. */
  onPush?(push: Outcome & { readonly bytes: number }): void
  onReports?(connection: Connection, reports: readonly ExtensionReport[]): void
}
