import type { KeyObject } from 'node:crypto'
import type { KeylessSigner } from '../../xds/index.ts'
import { keylessSignerOf } from './keyless.ts'
import { isSignedByAny } from './keys.ts'

const IN_TOTO = 'application/vnd.in-toto+json'

/** DSSE v1, "PAE": what is really signed. */
export function preAuthEncoding(type: string, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload])
}

/**
 * Whether a sigstore bundle (what cosign writes since version 3) holds a statement about this digest, signed by one of the signers.
 * For a key, its certificate and log entries are not looked at: the key is what the user trusts.
 */
export function bundleCovers(
  bytes: Uint8Array,
  digest: string,
  keys: readonly KeyObject[],
  keyless: readonly KeylessSigner[],
): boolean {
  let bundle: { dsseEnvelope?: Envelope }
  try {
    bundle = JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return false
  }
  const envelope = bundle?.dsseEnvelope
  if (typeof envelope !== 'object' || envelope === null) return false
  const { payloadType, payload, signatures } = envelope
  if (payloadType !== IN_TOTO || typeof payload !== 'string' || !Array.isArray(signatures)) return false
  const statement = Buffer.from(payload, 'base64')
  const signed = preAuthEncoding(payloadType, statement)
  const good = signatures.some(
    (one) => typeof one?.sig === 'string' && isSignedByAny(keys, signed, Buffer.from(one.sig, 'base64')),
  )
  return subjectsOf(statement).includes(digest) && (good || keylessSignerOf(bytes, keyless) !== undefined)
}

/** The signature of a file in a sigstore bundle, which `cosign sign-blob` writes since version 3; undefined where there is none. */
export function messageSignatureOf(bytes: Uint8Array): Buffer | undefined {
  try {
    const signature: unknown = JSON.parse(Buffer.from(bytes).toString())?.messageSignature?.signature
    return typeof signature === 'string' ? Buffer.from(signature, 'base64') : undefined
  } catch {
    return undefined
  }
}

interface Envelope {
  payloadType?: unknown
  payload?: unknown
  signatures?: { sig?: unknown }[]
}

function subjectsOf(statement: Buffer): string[] {
  try {
    const { _type, subject } = JSON.parse(statement.toString())
    if (_type !== 'https://in-toto.io/Statement/v1' && _type !== 'https://in-toto.io/Statement/v0.1') return []
    return subject.map((one: { digest?: { sha256?: string } }) => `sha256:${one?.digest?.sha256}`)
  } catch {
    return []
  }
}
