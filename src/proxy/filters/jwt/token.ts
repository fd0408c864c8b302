/** Reading JSON Web Tokens (RFC 7515, RFC 7518, RFC 7519). */
export interface Token {
  readonly text: string
  readonly kid: unknown
  readonly alg: string
  readonly algorithm: Algorithm
  readonly payload: Readonly<Record<string, unknown>>
  /** As it stands in the token. */
  readonly payloadText: string
  /** As `plainAudience` writes them. */
  readonly audiences: readonly string[]
}

const BASE64URL = /^[A-Za-z0-9_-]+$/

/** `undefined`, or why the text is no token, in Envoy's words. */
export function parseToken(text: string): Token | string {
  const parts = text.split('.')
  if (parts.length !== 3 || parts.includes(''))
    return 'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections'
  const header = section(parts[0])
  if (typeof header === 'string') return `Jwt header is an invalid ${header}`
  const { alg, kid } = header
  if (typeof alg !== 'string') return 'Jwt header [alg] field is required and must be a string'
  const algorithm = ALGORITHMS.get(alg)
  if (algorithm === undefined) return 'Jwt header [alg] is not supported'
  const payload = section(parts[1])
  if (typeof payload === 'string') return `Jwt payload is an invalid ${payload}`
  if (!BASE64URL.test(parts[2])) return 'Jwt signature is an invalid Base64url encoded'
  const audiences = [payload['aud']].flat().map((audience) => plainAudience(String(audience ?? '')))
  return { text, kid, alg, algorithm, payload, payloadText: parts[1], audiences }
}

/** Envoy compares audiences without scheme and trailing slash. */
export function plainAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '')
}

/** The object, or what the text is not. */
function section(text: string): Record<string, unknown> | 'Base64url encoded' | 'JSON' {
  if (!BASE64URL.test(text)) return 'Base64url encoded'
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : 'JSON'
  } catch {
    return 'JSON'
  }
}

/** What a name in `alg` stands for (RFC 7518 3.1). */
export interface Algorithm {
  readonly kty: string
  readonly hash: string | null
  readonly pss?: boolean
  readonly curve?: string
}

const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ['RS256', { kty: 'RSA', hash: 'sha256' }],
  ['RS384', { kty: 'RSA', hash: 'sha384' }],
  ['RS512', { kty: 'RSA', hash: 'sha512' }],
  ['PS256', { kty: 'RSA', hash: 'sha256', pss: true }],
  ['PS384', { kty: 'RSA', hash: 'sha384', pss: true }],
  ['PS512', { kty: 'RSA', hash: 'sha512', pss: true }],
  ['ES256', { kty: 'EC', hash: 'sha256', curve: 'P-256' }],
  ['ES384', { kty: 'EC', hash: 'sha384', curve: 'P-384' }],
  ['ES512', { kty: 'EC', hash: 'sha512', curve: 'P-521' }],
  ['EdDSA', { kty: 'OKP', hash: null }],
  ['HS256', { kty: 'oct', hash: 'sha256' }],
  ['HS384', { kty: 'oct', hash: 'sha384' }],
  ['HS512', { kty: 'oct', hash: 'sha512' }],
])
