import { isIPv4, isIPv6 } from 'node:net'

/** The four or sixteen bytes of an address, without the zone that one of a link may have; undefined where the text is none. */
export function ipBytes(ip: string): Buffer | undefined {
  if (isIPv4(ip)) return Buffer.from(ip.split('.').map(Number))
  if (!isIPv6(ip)) return undefined
  const bytes = Buffer.alloc(16)
  for (const [i, group] of ipv6Groups(ip).entries()) bytes.writeUInt16BE(group, 2 * i)
  return bytes
}

/** The eight groups of an IPv6 address as numbers, without its zone. */
export function ipv6Groups(ip: string): number[] {
  const [plain] = ip.split('%')
  const [head, tail] = plain.split('::')
  const first = groups(head)
  if (tail === undefined) return first
  const last = groups(tail)
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last]
}

function groups(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return Number.parseInt(part, 16)
    const [a, b, c, d] = part.split('.').map(Number)
    return [(a << 8) | b, (c << 8) | d]
  })
}
