/** PROXY protocol versions 1 and 2 (haproxy.org, proxy-protocol.txt). */

import { isIP } from 'node:net'
import type { ChainFacts } from './filter-chain-match.ts'

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
  // 107 bytes is the longest line that the format allows.
  if (end === -1) return bytes.length > 107 ? null : undefined
  return version1(bytes.toString('latin1', 0, end), end + 2)
}

function version1(line: string, length: number): ProxyHeader | null {
  const [, family, source, target, sourcePort, targetPort, ...more] = line.split(' ')
  if (family === 'UNKNOWN') return { length, addresses: {} }
  const wanted = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : -1
  if (more.length > 0 || isIP(source) !== wanted || isIP(target) !== wanted) return null
  if (!/^\d{1,5}$/.test(sourcePort) || !/^\d{1,5}$/.test(targetPort)) return null
  return {
    length,
    addresses: {
      remoteAddress: source,
      remotePort: Number(sourcePort),
      localAddress: target,
      localPort: Number(targetPort),
    },
  }
}

function version2(bytes: Buffer): ProxyHeader | undefined | null {
  const length = 16 + bytes.readUInt16BE(14)
  if (bytes.length < length) return undefined
  if (bytes[12] >> 4 !== 2) return null
  // LOCAL: a health check of the proxy in front, with its own address.
  if ((bytes[12] & 15) === 0) return { length, addresses: {} }
  const family = bytes[13] >> 4
  const size = family === 1 ? 4 : family === 2 ? 16 : 0
  if (size === 0) return { length, addresses: {} }
  if (length < 16 + 2 * size + 4) return null
  return {
    length,
    addresses: {
      remoteAddress: ip(bytes.subarray(16, 16 + size)),
      localAddress: ip(bytes.subarray(16 + size, 16 + 2 * size)),
      remotePort: bytes.readUInt16BE(16 + 2 * size),
      localPort: bytes.readUInt16BE(18 + 2 * size),
    },
  }
}

function ip(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups: string[] = []
  for (let i = 0; i < 16; i += 2) groups.push(bytes.readUInt16BE(i).toString(16))
  return groups.join(':')
}
