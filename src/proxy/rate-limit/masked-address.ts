import { isIP } from 'node:net'
import { ipv6Groups } from '../../base/ip-bytes.ts'

/** `10.1.2.3` in 16 bits is `10.1.0.0/16`; undefined for what is no IP address. */
export function maskedAddress(ip: string, v4Bits: number, v6Bits: number): string | undefined {
  switch (isIP(ip)) {
    case 4:
      return `${masked(ip.split('.').map(Number), v4Bits, 8).join('.')}/${v4Bits}`
    case 6:
      return v6Bits === 128 ? `${ip}/128` : `${v6Text(masked(ipv6Groups(ip), v6Bits, 16))}/${v6Bits}`
    default:
      return undefined
  }
}

function masked(parts: readonly number[], bits: number, size: number): number[] {
  return parts.map((part, i) => {
    const kept = Math.min(size, Math.max(0, bits - i * size))
    return part & ~((1 << (size - kept)) - 1)
  })
}

/** RFC 5952: the longest run of two or more zeros is left out. */
function v6Text(parts: readonly number[]): string {
  let [from, length] = [0, 1]
  for (let i = 0; i < 8; i++) {
    let end = i
    while (parts[end] === 0) end++
    if (end - i > length) [from, length] = [i, end - i]
  }
  const hex = (list: readonly number[]) => list.map((part) => part.toString(16)).join(':')
  return length === 1 ? hex(parts) : `${hex(parts.slice(0, from))}::${hex(parts.slice(from + length))}`
}
