import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { SupplyError } from '../supply-error.ts'

/** The public keys of a PEM text; several may stand in it, so that keys can be rotated. */
export function readPublicKeys(pem: string): KeyObject[] {
  const blocks = pem.match(/-----BEGIN [A-Z ]+-----[\s\S]*?-----END [A-Z ]+-----/g) ?? []
  if (blocks.length === 0) throw new SupplyError('SL3027', 'there is no PEM block in it')
  return blocks.map((block) => {
    // createPublicKey would derive the public half of a private key; one that got here was leaked by mistake.
    if (block.includes('PRIVATE KEY')) throw new SupplyError('SL3027', 'it is a private key')
    let key: KeyObject
    try {
      key = createPublicKey(block)
    } catch (error) {
      throw new SupplyError('SL3027', 'a PEM block is no public key', { cause: error })
    }
    checkKind(key)
    return key
  })
}

/** An unencrypted private key in PEM (PKCS#8, SEC1 or PKCS#1). */
export function readPrivateKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem)
    checkKind(key)
    return key
  } catch (error) {
    if (error instanceof SupplyError) throw error
    throw new SupplyError('SL3027', 'it is no private key in PEM', { cause: error })
  }
}

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'sha256', secp384r1: 'sha384', secp521r1: 'sha512' }

function checkKind(key: KeyObject): void {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key
  if (type === 'ed25519') return
  if (type === 'ec' && details.namedCurve !== undefined && CURVES[details.namedCurve] !== undefined) return
  if (type === 'rsa' && (details.modulusLength ?? 0) >= 2048) return
  const size = type === 'rsa' ? ` with ${details.modulusLength} bits` : ` ${details.namedCurve ?? ''}`
  throw new SupplyError('SL3027', `keys of type ${type}${size} are not taken`.trim())
}

/** Whether one of the keys made this signature. The scheme follows from the key: it is not written anywhere (cosign's spec). */
export function isSignedByAny(keys: readonly KeyObject[], data: Uint8Array, signature: Uint8Array): boolean {
  return keys.some((key) => hashesFor(key).some((hash) => isSigned(hash, data, key, signature)))
}

/** With the hash that every cosign takes: sha256, but for Ed25519, which has its own. */
export function signWith(key: KeyObject, data: Uint8Array): Buffer {
  return sign(hashesFor(key)[0], data, key)
}

/** cosign used sha256 for every key at first, and the curve's own hash since. */
function hashesFor(key: KeyObject): (string | null)[] {
  if (key.asymmetricKeyType === 'ed25519') return [null]
  const own = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 'sha256'
  return own === 'sha256' ? ['sha256'] : ['sha256', own]
}

function isSigned(hash: string | null, data: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify(hash, data, key, signature)
  } catch {
    return false // not even the shape of a signature by such a key
  }
}
