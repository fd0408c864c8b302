/** Reading and checking JSON Web Tokens (RFC 7515, RFC 7518, RFC 7519). */
import {
  constants,
  createHmac,
  createPublicKey,
  createSecretKey,
  type JsonWebKey,
  type KeyObject,
  timingSafeEqual,
  verify,
} from 'node:crypto'

export interface Token {
  readonly text: string
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  /** As it stands in the token. */
  readonly payloadText: string
}

const BASE64URL = /^[A-Za-z0-9_-]+$/

/** `undefined`, or why the text is no token, in Envoy's words. */
export function parseToken(text: string): Token | string {
  const parts = text.split('.')
  if (parts.length !== 3) return 'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections'
  const header = section(parts[0])
  if (header === undefined) return 'Jwt header is an invalid JSON'
  const payload = section(parts[1])
  if (payload === undefined) return 'Jwt payload is an invalid JSON'
  if (!BASE64URL.test(parts[2])) return 'Jwt signature is an invalid Base64url encoded'
  if (typeof header['alg'] !== 'string') return 'Jwt header [alg] field is required and must be a string'
  if (!(header['alg'] in ALGORITHMS)) return 'Jwt header [alg] is not supported'
  return { text, header, payload, payloadText: parts[1] }
}

function section(text: string): Record<string, unknown> | undefined {
  if (!BASE64URL.test(text)) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

interface Algorithm {
  readonly kty: string
  readonly hash: string | null
  readonly pss?: boolean
  readonly curve?: string
}

const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  RS256: { kty: 'RSA', hash: 'sha256' },
  RS384: { kty: 'RSA', hash: 'sha384' },
  RS512: { kty: 'RSA', hash: 'sha512' },
  PS256: { kty: 'RSA', hash: 'sha256', pss: true },
  PS384: { kty: 'RSA', hash: 'sha384', pss: true },
  PS512: { kty: 'RSA', hash: 'sha512', pss: true },
  ES256: { kty: 'EC', hash: 'sha256', curve: 'P-256' },
  ES384: { kty: 'EC', hash: 'sha384', curve: 'P-384' },
  ES512: { kty: 'EC', hash: 'sha512', curve: 'P-521' },
  EdDSA: { kty: 'OKP', hash: null },
  HS256: { kty: 'oct', hash: 'sha256' },
  HS384: { kty: 'oct', hash: 'sha384' },
  HS512: { kty: 'oct', hash: 'sha512' },
}

/** Tokens that were found good are remembered: a client sends the same one again and again, and RSA is dear. */
const MAX_REMEMBERED = 1000

interface Key {
  readonly kid: string | undefined
  readonly alg: string | undefined
  readonly kty: string
  readonly curve: string | undefined
  readonly key: KeyObject
}

/** A JSON Web Key Set (RFC 7517). */
export class KeySet {
  readonly #keys: readonly Key[]
  readonly #good = new Set<string>()

  readonly #remembers: number

  /** Throws when the text is no key set, or no key of it can be used. `remembers`: so many good tokens (`jwt_cache_size`). */
  constructor(text: string, remembers = MAX_REMEMBERED) {
    this.#remembers = remembers
    const json = JSON.parse(text) as { keys?: unknown }
    if (!Array.isArray(json.keys)) throw new Error('Jwks does not have [keys] field')
    this.#keys = (json.keys as Record<string, unknown>[]).flatMap((jwk) => {
      const key = importKey(jwk)
      const name = (value: unknown) => (typeof value === 'string' ? value : undefined)
      return key === undefined
        ? []
        : [{ kid: name(jwk['kid']), alg: name(jwk['alg']), kty: String(jwk['kty']), curve: name(jwk['crv']), key }]
    })
    if (this.#keys.length === 0) throw new Error('Jwks does not have any valid public key')
  }

  /** `undefined` when one of the keys signed it, else Envoy's words. */
  verify(token: Token): string | undefined {
    if (this.#good.has(token.text)) return undefined
    const alg = token.header['alg'] as string
    const algorithm = ALGORITHMS[alg]
    const { kid } = token.header
    const usable = this.#keys.filter(
      (key) =>
        key.kty === algorithm.kty &&
        (key.alg === undefined || key.alg === alg) &&
        (algorithm.curve === undefined || key.curve === algorithm.curve) &&
        (kid === undefined || key.kid === undefined || key.kid === kid),
    )
    if (usable.length === 0) return "Jwks doesn't have key to match kid or alg from Jwt"
    const dot = token.text.lastIndexOf('.')
    const signed = Buffer.from(token.text.slice(0, dot))
    const signature = Buffer.from(token.text.slice(dot + 1), 'base64url')
    if (!usable.some(({ key }) => signedBy(key, algorithm, signed, signature))) return 'Jwt verification fails'
    if (this.#good.size >= this.#remembers) this.#good.clear()
    this.#good.add(token.text)
    return undefined
  }
}

function importKey(jwk: Record<string, unknown>): KeyObject | undefined {
  try {
    if (jwk['kty'] === 'oct') return createSecretKey(Buffer.from(String(jwk['k']), 'base64url'))
    return createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
  } catch {
    return undefined
  }
}

function signedBy(key: KeyObject, { kty, hash, pss }: Algorithm, signed: Buffer, signature: Buffer): boolean {
  if (kty === 'oct') {
    const own = createHmac(hash as string, key)
      .update(signed)
      .digest()
    return own.length === signature.length && timingSafeEqual(own, signature)
  }
  const padding = pss ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {}
  try {
    // RFC 7518 3.4: ECDSA signatures are the two numbers one after the other.
    return verify(hash, signed, { key, dsaEncoding: 'ieee-p1363', ...padding }, signature)
  } catch {
    return false
  }
}
