/** One generated listener through which something is tunnelled, with what its clients and its upstream do. */
import type { Field } from '../trial.ts'

export type Json = Readonly<Record<string, unknown>>

export interface Trial {
  readonly id: string
  /** Fields of the listener, of the connection manager, of its filters, of the only route and of the cluster. */
  readonly listener: Json
  readonly manager: Json
  readonly filters: readonly unknown[]
  readonly route: { readonly match: Json; readonly route: Json }
  readonly cluster: Json
  readonly upstream: TunnelUpstream
  /** One after the other, each on a connection of its own. */
  readonly clients: readonly Client[]
}

export interface Client {
  readonly speaks: 'http1' | 'http2'
  readonly does: Script
}

export interface TunnelUpstream {
  /** `bytes`: it knows of no HTTP; `none`: nobody listens there. */
  readonly speaks: 'http1' | 'http2' | 'bytes' | 'none'
  /** HTTP/2: it says that it takes extended CONNECT (RFC 8441 3). */
  readonly extended?: boolean
  /** What it does with each request in turn; the last with all that follow. */
  readonly does: readonly Script[]
}

/**
 * `head`: sends a head, of HTTP/1.1 as its text, of HTTP/2 as fields; `met`: waits for the other side's; `say`, `hear`: so many bytes behind
 * it; `heed`: waits for the other side's end; `end`: ends its own; `deaf`, `listen`: reads no more, or again; `rest`: waits a moment.
 */
export type Step =
  | { readonly head: string | readonly Field[]; readonly end?: true }
  | { readonly say: number }
  | { readonly hear: number }
  | 'met'
  | 'heed'
  | 'end'
  | 'reset'
  | 'deaf'
  | 'listen'
  | 'rest'
export type Script = readonly Step[]
