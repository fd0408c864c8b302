import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import { BlockList, isIP, isIPv4, type LookupFunction } from 'node:net'
import { logger } from '../telemetry/log.ts'
import { SupplyError } from './supply-error.ts'

const log = logger('wasm')

/** Never fetched from: link-local (AWS, GCP, Azure metadata), Alibaba's and AWS's IPv6 metadata (Istio's ssrf.go). */
const ALWAYS_BLOCKED: readonly (readonly [string, number])[] = [
  ['169.254.0.0', 16],
  ['224.0.0.0', 24],
  ['100.100.100.200', 32],
  ['fe80::', 10],
  ['ff02::', 16],
  ['fd00:ec2::', 32],
  // The same link-local addresses behind NAT64 (RFC 6052), which Istio's list lets through.
  ['64:ff9b::a9fe:0', 112],
]

/**
 * Refuses addresses that a module reference must not reach. It judges RESOLVED addresses, at each connection, so neither a name
 * that points inside nor a redirect gets around it. Private and loopback addresses are allowed: registries live there.
 */
export class AddressGuard {
  readonly #blocked = new BlockList()

  /** `cidrs`: more ranges (BLOCKED_CIDRS_IN_WASM_FETCH); those that cannot be read are logged and left out, as in Istio. */
  constructor(cidrs: readonly string[] = []) {
    for (const [address, prefix] of ALWAYS_BLOCKED) {
      this.#blocked.addSubnet(address, prefix, isIPv4(address) ? 'ipv4' : 'ipv6')
    }
    for (const cidr of cidrs) {
      const [address, prefix] = cidr.trim().split('/')
      try {
        this.#blocked.addSubnet(address, Number(prefix), isIPv4(address) ? 'ipv4' : 'ipv6')
      } catch {
        log.warn({ cidr }, 'a blocked range cannot be read and is left out')
      }
    }
  }

  blocks(address: string): boolean {
    return this.#blocked.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
  }

  /** Throws when the host of a URL is itself a blocked address; names are judged when they resolve. */
  checkHost(hostname: string): void {
    const host = hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0 && this.blocks(host)) throw blocked(host, host)
  }

  /** For the `lookup` option of `http.request`: leaves out blocked addresses, and fails when none is left. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    dnsLookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '')
      const addresses = found as LookupAddress[]
      const allowed = addresses.filter(({ address }) => !this.blocks(address))
      if (allowed.length === 0) return callback(blocked(hostname, addresses[0]?.address ?? 'no address'), '')
      if (options.all) return callback(null, allowed)
      callback(null, allowed[0].address, allowed[0].family)
    })
  }
}

function blocked(host: string, address: string): SupplyError {
  return new SupplyError('SL3017', host === address ? address : `${host} is ${address}`)
}
