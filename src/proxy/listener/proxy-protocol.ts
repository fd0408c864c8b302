/** PROXY protocol versions 1 and 2 (haproxy.org, proxy-protocol.txt). */

import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net'
import type { ChainFacts } from './chain-facts.ts'

/** Of a line, without its end (2.1). */
const LONGEST = 105

export interface ProxyHeader {
  readonly length: number
  readonly addresses: Partial<ChainFacts>
}

const V2 = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a])

/** `undefined`: more bytes are needed; `null`: no PROXY header, which refuses the connection as the header is mandatory. */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined | null {
  if (bytes.subarray(0, 12).equals(V2.subarray(0, Math.min(12, bytes.length))))
    return bytes.length < 16 ? undefined : version2(bytes)
  const start = 'PROXY '
  if (bytes.toString('latin1', 0, Math.min(6, bytes.length)) !== start.slice(0, Math.min(6, bytes.length))) return null
  const end = bytes.indexOf('\r\n')
  if (end > LONGEST || (end === -1 && bytes.length > LONGEST)) return null
  if (end === -1) return undefined
  return version1(bytes.toString('latin1', 0, end), end + 2)
}

function version1(line: string, length: number): ProxyHeader | null {
  const [, family, source, target, sourcePort, targetPort, ...more] = line.split(' ')
  if (family === 'UNKNOWN') return { length, addresses: {} }
  const wanted = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : -1
  if (more.length > 0 || isIP(source) !== wanted || isIP(target) !== wanted) return null
  if (!isPort(sourcePort) || !isPort(targetPort) || !isUnicast(source) || !isUnicast(target)) return null
  return {
    length,
    addresses: {
      remoteAddress: asWritten(source),
      remotePort: Number(sourcePort),
      localAddress: asWritten(target),
      localPort: Number(targetPort),
    },
  }
}

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) < 65_536
}

function version2(bytes: Buffer): ProxyHeader | undefined | null {
  const length = 16 + bytes.readUInt16BE(14)
  if (bytes.length < length) return undefined
  if (bytes[12] >> 4 !== 2) return null
  // LOCAL: a health check of the proxy in front, with its own address.
  const command = bytes[12] & 15
  if (command === 0) return { length, addresses: {} }
  if (command !== 1) return null
  const family = bytes[13] >> 4
  const size = family === 1 ? 4 : family === 2 ? 16 : 0
  if (size === 0) return { length, addresses: {} }
  if (length < 16 + 2 * size + 4) return null
  const [remoteAddress, localAddress] = [
    ip(bytes.subarray(16, 16 + size)),
    ip(bytes.subarray(16 + size, 16 + 2 * size)),
  ]
  if (!isUnicast(remoteAddress) || !isUnicast(localAddress)) return null
  return {
    length,
    addresses: {
      remoteAddress,
      localAddress,
      remotePort: bytes.readUInt16BE(16 + 2 * size),
      localPort: bytes.readUInt16BE(18 + 2 * size),
    },
  }
}

function ip(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups: string[] = []
  for (let i = 0; i < 16; i += 2) groups.push(bytes.readUInt16BE(i).toString(16))
  return asWritten(groups.join(':'))
}

/** As a socket tells it, for whoever compares it: IPv6 has many spellings. */
function asWritten(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address
}

/** Envoy refuses headers with others, which no connection has. */
export function isUnicast(address: string): boolean {
  return !OTHERS.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

const OTHERS = new BlockList()
OTHERS.addAddress('0.0.0.0')
OTHERS.addAddress('255.255.255.255')
OTHERS.addSubnet('224.0.0.0', 4)
OTHERS.addAddress('::', 'ipv6')
OTHERS.addSubnet('ff00::', 8, 'ipv6')
