/** One generated listener, without name and address, and the connections that it gets. */
export interface Trial {
  readonly id: string
  readonly listener: Readonly<Record<string, unknown>>
  readonly connections: readonly Connection[]
}

export interface Connection {
  /** Addresses of this machine. */
  readonly from: string
  readonly to: string
  /** From the source port of the trial. */
  readonly bound?: true
  /** A header of PROXY protocol, which comes first. */
  readonly proxy?: string
  /** What the client says; of TLS the ClientHello. */
  readonly says: { readonly serverName?: string; readonly protocols: readonly string[] } | { readonly text: string }
  /** Says so many bytes first, and the others later. */
  readonly cut?: number
}
