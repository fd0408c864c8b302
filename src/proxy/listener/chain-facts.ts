import { isIP } from 'node:net'

/** What is known of a connection when its filter chain is chosen. */
export interface ChainFacts {
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  readonly remotePort: number
  readonly directRemoteAddress: string
  /** In lower case. */
  readonly serverName: string
  /** `tls` or `raw_buffer`. */
  readonly transport: string
  readonly protocols: readonly string[]
}

/** Envoy's `isSameIpOrLoopback`; a peer without an address is at the other end of a Unix domain socket. */
export function isLocal({ remoteAddress, localAddress }: ChainFacts): boolean {
  return (
    remoteAddress === '' ||
    remoteAddress === '127.0.0.1' ||
    remoteAddress === '::1' ||
    (remoteAddress === localAddress && isIP(remoteAddress) !== 0)
  )
}
