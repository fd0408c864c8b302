/** PROXY protocol versions 1 and 2 (haproxy.org, proxy-protocol.txt), as far as Envoy takes them. */

import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net'
import type { ChainFacts } from './chain-facts.ts'

/** Of a line of version 1, with its end; the text has 107 (2.1), and Envoy room for a zero behind it. */
const LONGEST_LINE = 108
/** Of version 2, before the addresses (2.2). */
const HEAD = 16

const SIGNATURES = {
  1: Buffer.from('PROXY '),
  2: Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
} as const

interface ProxyHeader {
  readonly length: number
  readonly addresses: Partial<ChainFacts>
}

/** Whether the bytes begin as the signature does, as far as there are any. */
export function beginsAs(bytes: Buffer, version: 1 | 2): boolean {
  const length = Math.min(bytes.length, SIGNATURES[version].length)
  return bytes.subarray(0, length).equals(SIGNATURES[version].subarray(0, length))
}

/**
 * Which version it is; 0: none; `undefined`: more bytes are needed. As in Envoy nobody is refused before the head of version 2 could be
 * there or a line is over: who says less runs into the timeout of the listener's filters, behind which it may be served.
 */
export function proxyHeaderVersion(bytes: Buffer): 0 | 1 | 2 | undefined {
  if (bytes.length >= HEAD) {
    if (beginsAs(bytes, 2)) return 2
    if (!beginsAs(bytes, 1)) return 0
  }
  if (bytes.indexOf('\r\n') > 0) return 1
  return bytes.length > LONGEST_LINE ? 0 : undefined
}

/** `undefined`: more bytes are needed; `null`: it is none, or breaks the rules of its version. */
export function readProxyHeader(bytes: Buffer): ProxyHeader | undefined | null {
  const version = proxyHeaderVersion(bytes)
  if (version === undefined) return undefined
  if (version === 0) return null
  if (version === 2) return version2(bytes)
  const length = bytes.indexOf('\r\n') + 2
  return length > LONGEST_LINE ? null : version1(bytes.toString('latin1', 0, length).replace(SPACE_AT_END, ''), length)
}

function version1(line: string, length: number): ProxyHeader | null {
  const [name, family, source, target, sourcePort, targetPort, ...more] = line.split(' ')
  if (name !== 'PROXY') return null
  if (family === 'UNKNOWN') return { length, addresses: {} }
  const wanted = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : -1
  if (more.length > 0 || isIP(source) !== wanted || isIP(target) !== wanted) return null
  // The name of an interface would be one of this machine; Envoy takes numbers.
  if (NAMED_ZONE.test(source) || NAMED_ZONE.test(target)) return null
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

const NAMED_ZONE = /%(?!\d+$)/

/** As Envoy reads numbers: white space around them and a sign are no fault. */
function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) < 65_536
}

/** White space is ASCII's, as in Envoy. */
const PORT = /^[\t-\r ]*\+?\d+[\t-\r ]*$/
const SPACE_AT_END = /[\t-\r ]+$/

function version2(bytes: Buffer): ProxyHeader | undefined | null {
  const length = HEAD + bytes.readUInt16BE(14)
  if (bytes[12] >> 4 !== 2) return null
  const command = bytes[12] & 15
  // LOCAL: a health check of the proxy in front, with its own address. Whatever follows is skipped unread (2.2).
  if (command === 0) return bytes.length < length ? undefined : { length, addresses: {} }
  const family = bytes[13] >> 4
  const transport = bytes[13] & 15
  const size = family === 1 ? 4 : family === 2 ? 16 : 0
  const addressesEnd = HEAD + 2 * size + 4
  if (command !== 1 || size === 0 || (transport !== 1 && transport !== 2) || length < addressesEnd) return null
  if (bytes.length < length) return undefined
  if (!extensionsFit(bytes, addressesEnd, length)) return null
  const remoteAddress = ip(bytes.subarray(HEAD, HEAD + size))
  const localAddress = ip(bytes.subarray(HEAD + size, HEAD + 2 * size))
  if (!isUnicast(remoteAddress) || !isUnicast(localAddress)) return null
  return {
    length,
    addresses: {
      remoteAddress,
      localAddress,
      remotePort: bytes.readUInt16BE(HEAD + 2 * size),
      localPort: bytes.readUInt16BE(HEAD + 2 * size + 2),
    },
  }
}

/** The lengths of the extensions (2.2, "Type-Length-Value") lead to the end of the header. */
function extensionsFit(bytes: Buffer, from: number, end: number): boolean {
  let at = from
  while (at + 3 <= end) at += 3 + bytes.readUInt16BE(at + 1)
  return at === end
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
