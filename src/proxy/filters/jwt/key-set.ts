/** The keys that tokens are verified with (RFC 7517, RFC 7518). */
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
import type { Algorithm, Token } from './token.ts'

/** Tokens that were found good are remembered: a client sends the same one again and again, and RSA is dear. */
const MAX_REMEMBERED = 1000
/** Longer ones are not: a thousand tokens take a few megabytes, not more. */
const LONGEST_REMEMBERED = 4096
/** Of a token's end, which is its signature: enough to tell tokens apart, and quicker to hash than all of it. */
const END = 32

interface Key {
  readonly kid: string | undefined
  readonly alg: string | undefined
  readonly kty: string
  readonly curve: string | undefined
  readonly key: KeyObject
}

/** A JSON Web Key Set (RFC 7517), and the tokens that its keys are known to have signed. */
export class KeySet {
  readonly #keys: readonly Key[]
  /** By their ends. What is asked for again comes over from the older half, so that a flood of others leaves it. */
  #good = new Map<string, Token>()
  #older = new Map<string, Token>()
  readonly #half: number

  /** Throws when the text is no key set, or no key of it can be used. `remembers`: so many good tokens (`jwt_cache_size`). */
  constructor(text: string, remembers = MAX_REMEMBERED) {
    this.#half = Math.ceil(remembers / 2)
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

  /** The token of that text, if one of the keys is known to have signed it. */
  known(text: string): Token | undefined {
    const end = text.slice(-END)
    const young = this.#good.get(end)
    const token = young ?? this.#older.get(end)
    if (token === undefined || token.text !== text) return undefined
    if (young === undefined) this.#remember(end, token)
    return token
  }

  #remember(end: string, token: Token): void {
    if (this.#good.size >= this.#half) {
      this.#older = this.#good
      this.#good = new Map()
    }
    this.#good.set(end, token)
  }

  /** `undefined` when one of the keys signed it, else Envoy's words. */
  verify(token: Token): string | undefined {
    const { text, alg, algorithm, kid } = token
    const named = this.#keys.filter(
      (key) => (key.alg === undefined || key.alg === alg) && (kid === '' || key.kid === undefined || key.kid === kid),
    )
    if (named.length === 0) return "Jwks doesn't have key to match kid or alg from Jwt"
    const usable = named.filter(
      (key) => key.kty === algorithm.kty && (algorithm.curve === undefined || key.curve === algorithm.curve),
    )
    const dot = text.lastIndexOf('.')
    const signed = Buffer.from(text.slice(0, dot))
    const signature = Buffer.from(text.slice(dot + 1), 'base64url')
    if (!usable.some(({ key }) => signedBy(key, algorithm, signed, signature))) return 'Jwt verification fails'
    if (text.length <= LONGEST_REMEMBERED) this.#remember(text.slice(-END), token)
    return undefined
  }
}

function importKey(jwk: Record<string, unknown>): KeyObject | undefined {
  try {
    const { kty, k } = jwk
    if (kty === 'oct')
      return typeof k === 'string' && k !== '' ? createSecretKey(Buffer.from(k, 'base64url')) : undefined
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
