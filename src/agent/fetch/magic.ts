import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { SupplyError } from '../../oci/index.ts'

/** sha256 and size of a file, read once. */
export async function measureFile(path: string): Promise<{ sha256: string; size: number; head: Buffer }> {
  const hash = createHash('sha256')
  let size = 0
  let head = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
    if (head.length < 8) head = Buffer.concat([head, chunk.subarray(0, 8 - head.length)])
    hash.update(chunk)
    size += chunk.length
  }
  return { sha256: hash.digest('hex'), size, head }
}

/** Throws unless these are the first bytes of a core module (Wasm core spec 5.5.16). */
export function checkMagic(head: Buffer, url: string): void {
  const bytes = [...head].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
  const invalid = `fetched Wasm binary from ${url} is invalid`
  if (head.length < 8 || head.toString('latin1', 0, 4) !== '\0asm') {
    throw new SupplyError('SL3021', `${invalid}: it begins with ${bytes || 'nothing'}${guess(head)}`)
  }
  // The component model shares the magic; its layer field (bytes 6 and 7) is 1.
  if (head[6] === 1)
    throw new SupplyError('SL3021', `${invalid}: it is a component, and Proxy-Wasm needs a core module`)
}

function guess(head: Buffer): string {
  const text = head.toString('latin1')
  if (/^\s*</.test(text)) return ', which looks like HTML'
  if (/^\s*[{[]/.test(text)) return ', which looks like JSON'
  if (text.startsWith('PK')) return ', which looks like a zip file'
  return ''
}
