import { BlockList, isIPv6 } from 'node:net'
import type { CidrRange } from '../../../gen/envoy/config/core/v3/address_pb.ts'
import type { CidrRange as XdsCidrRange } from '../../../gen/xds/core/v3/cidr_pb.ts'
import { messageOf } from '../../errors.ts'
import { invalid } from '../config/fields.ts'

/** Whether an address is among those that are meant. */
export type AddressMatch = (ip: string) => boolean

/** An address is in one of the ranges. */
export function cidrMatch(ranges: readonly (CidrRange | XdsCidrRange)[], path: string): AddressMatch {
  // A list for each family: one of Node's takes an IPv4 address for the IPv6 address that it maps to, so that ::/0 would hold it.
  const [v4, v6] = [new BlockList(), new BlockList()]
  ranges.forEach((range, i) => {
    const six = isIPv6(range.addressPrefix)
    try {
      const bits = range.prefixLen ?? 0
      if (six) v6.addSubnet(range.addressPrefix, bits, 'ipv6')
      // As in Envoy a length that is one of IPv6 stands for the whole address.
      else v4.addSubnet(range.addressPrefix, bits <= 128 ? Math.min(bits, 32) : bits, 'ipv4')
    } catch (error) {
      throw invalid(`${path}[${i}]`, messageOf(error))
    }
  })
  // Sockets' addresses have been unmapped; one that a header tells as `::ffff:10.0.0.1` is of IPv6, as to Envoy.
  return (ip) => (isIPv6(ip) ? v6.check(ip, 'ipv6') : v4.check(ip, 'ipv4'))
}

/** `::ffff:10.0.0.1` is 10.0.0.1: a dual-stack socket reports IPv4 peers so. */
export function unmapped(ip: string): string {
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice(7) : ip
}

/** As in Envoy: RFC 1918, of the unique local addresses of IPv6 those of `fd00::/8`, and of loopback the one address of each family. */
const INTERNAL = { ipv4: new BlockList(), ipv6: new BlockList() }
INTERNAL.ipv4.addSubnet('10.0.0.0', 8)
INTERNAL.ipv4.addSubnet('172.16.0.0', 12)
INTERNAL.ipv4.addSubnet('192.168.0.0', 16)
INTERNAL.ipv4.addAddress('127.0.0.1')
INTERNAL.ipv6.addSubnet('fd00::', 8, 'ipv6')
INTERNAL.ipv6.addAddress('::1', 'ipv6')

/** Whether an address is of a private network, or this machine's own. */
export function isInternalAddress(ip: string): boolean {
  const family = isIPv6(ip) ? 'ipv6' : 'ipv4'
  return INTERNAL[family].check(ip, family)
}
