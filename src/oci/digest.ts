import { createHash } from 'node:crypto'

/** `sha256:<64 hex>` or `sha512:<128 hex>` (OCI image spec, descriptor: the two registered algorithms). */
const DIGEST = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/

/** Whether this is a digest with an algorithm that we can check. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text)
}

/** The parts of a valid digest. */
export function splitDigest(digest: string): { algorithm: string; hex: string } {
  const colon = digest.indexOf(':')
  return { algorithm: digest.slice(0, colon), hex: digest.slice(colon + 1) }
}

/** In lower case, as `sha256` of a WasmPlugin has it. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The digest by which a registry knows these bytes. */
export function sha256Digest(bytes: Uint8Array | string): string {
  return `sha256:${sha256Hex(bytes)}`
}

/** The digest of bytes under the algorithm of another digest. */
export function digestLike(digest: string, bytes: Uint8Array): string {
  const { algorithm } = splitDigest(digest)
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}
