import type { Address } from '../../../gen/envoy/config/core/v3/address_pb.ts'
import { socketAddress } from '../cluster/endpoints.ts'

/** Where a listener is opened. */
export interface ListenAddress {
  readonly ip: string
  readonly port: number
  /** An IPv6 address takes connections by IPv4, too, only where `ipv4_compat` says so (`::`). */
  readonly ipv6Only: boolean
}

export function listenAddress(address: Address | undefined, path: string): ListenAddress {
  const { ip, port } = socketAddress(address, path)
  const compat = address?.address.case === 'socketAddress' && address.address.value.ipv4Compat
  return { ip, port, ipv6Only: ip.includes(':') && !compat }
}
