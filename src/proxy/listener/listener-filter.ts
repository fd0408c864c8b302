import type { ChainFacts } from './chain-facts.ts'

/** What listener filters have found out. */
export interface Found {
  /** In lower case. */
  serverName: string
  transport: 'tls' | 'raw_buffer'
  protocols: readonly string[]
  /** What PROXY protocol says, in place of the socket's addresses. */
  addresses: Partial<ChainFacts>
}

/** Looks at the first bytes of a connection. */
export interface ListenerFilter {
  /**
   * How many bytes it takes away; `more`: it has to see more of them, as it said of the first `seen` ones; `refused`: the connection is
   * to be closed.
   */
  look(bytes: Buffer, seen: number, found: Found): number | 'more' | 'refused'
}
