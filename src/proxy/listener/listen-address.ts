import { isIP } from 'node:net'
import type { Address } from '../../../gen/envoy/config/core/v3/address_pb.ts'
import type { Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { socketAddress } from '../cluster/endpoints.ts'
import { invalid } from '../config/fields.ts'

/** Where a listener is opened. */
export interface ListenAddress {
  readonly ip: string
  readonly port: number
  /** An IPv6 address takes connections by IPv4, too, only where `ipv4_compat` says so (`::`). */
  readonly ipv6Only: boolean
}

function listenAddress(address: Address | undefined, path: string): ListenAddress {
  const { ip, port } = socketAddress(address, path)
  if (address?.address.case === 'socketAddress' && isIP(ip) === 0) throw invalid(path, `"${ip}" is no IP address`)
  const compat = address?.address.case === 'socketAddress' && address.address.value.ipv4Compat
  return { ip, port, ipv6Only: ip.includes(':') && !compat }
}

/** What the names of a listener's statistics begin with. */
export function listenerScope(addresses: readonly ListenAddress[], name: string, statPrefix: string): string {
  const [{ ip, port }] = addresses.length === 0 ? [{ ip: name, port: 0 }] : addresses
  return `listener.${statPrefix || `${ip}_${port}`}.`
}

/** Clusters of this proxy connect to it by its name. */
export function isInternal({ listenerSpecifier }: Listener): boolean {
  return listenerSpecifier.case === 'internalListener'
}

/** All addresses of a listener; an internal one has none. */
export function listenAddresses(proto: Listener, path: string): ListenAddress[] {
  const { address, additionalAddresses } = proto
  if (!isInternal(proto))
    return [address, ...additionalAddresses.map((one) => one.address)].map((one) =>
      listenAddress(one, `${path}.address`),
    )
  if (address !== undefined) throw invalid(`${path}.address`, 'an internal listener has none')
  if (additionalAddresses.length > 0) throw invalid(`${path}.additional_addresses`, 'an internal listener has none')
  return []
}
