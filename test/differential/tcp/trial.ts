/** One generated listener of `tcp_proxy`, with what its clients and upstreams do. */
export interface Trial {
  readonly id: string
  /** Filters of its chain; `$id` stands for the trial's name, `$log` for its log. */
  readonly filters: readonly unknown[]
  readonly clusters: readonly TcpCluster[]
  /** What each connection does, one after the other. */
  readonly clients: readonly Script[]
}

export interface TcpCluster {
  readonly name: string
  /** What its endpoints do with each connection; `down`: nothing listens there. */
  readonly does: Script | 'down'
  readonly settings: Readonly<Record<string, unknown>>
}

/**
 * `say`: writes so many bytes; `hear`: waits until that many have come in all; `heed`: waits for the end of the other side; `end`: ends
 * its own; `reset`; `rest`: waits a moment.
 */
export type Step = { readonly say: number } | { readonly hear: number } | 'heed' | 'end' | 'reset' | 'rest'
export type Script = readonly Step[]
