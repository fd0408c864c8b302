import type { ResolvedAddress } from '../host.ts'

const NOTHING = Buffer.alloc(0)

/** As Envoy writes it: u32 count; the TTLs, u32 each; the addresses, each with a NUL behind it. A look-up that failed is no bytes. */
export function encodeDnsAnswer(found: readonly ResolvedAddress[] | undefined): Buffer {
  if (found === undefined) return NOTHING
  const head = Buffer.alloc(4 + found.length * 4)
  head.writeUInt32LE(found.length, 0)
  for (const [i, { ttl }] of found.entries()) head.writeUInt32LE(ttl >>> 0, 4 + i * 4)
  return Buffer.concat([head, Buffer.from(found.map(({ address }) => `${address}\0`).join(''), 'latin1')])
}
