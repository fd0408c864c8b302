/** Reading JSON Web Tokens (RFC 7515, RFC 7518, RFC 7519). */
export interface Token {
  readonly text: string
  /** '' when the token names none. */
  readonly kid: string
  readonly alg: string
  readonly algorithm: Algorithm
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  /** As it stands in the token. */
  readonly payloadText: string
  /** As `plainAudience` writes them. */
  readonly audiences: readonly string[]
}

/** RFC 4648 5, without padding. */
function isBase64Url(text: string): boolean {
  return text.length % 4 !== 1 && /^[A-Za-z0-9_-]+$/.test(text)
}

/** `undefined`, or why the text is no token, in Envoy's words. */
export function parseToken(text: string): Token | string {
  const parts = text.split('.')
  if (parts.length !== 3 || parts.includes(''))
    return 'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections'
  const header = section(parts[0])
  if (typeof header === 'string') return `Jwt header is an invalid ${header}`
  const { alg, kid = '' } = header
  if (typeof alg !== 'string') return 'Jwt header [alg] field is required and must be a string'
  const algorithm = ALGORITHMS.get(alg)
  if (algorithm === undefined) return 'Jwt header [alg] is not supported'
  if (typeof kid !== 'string') return 'Jwt header [kid] field is not a string'
  const payload = section(parts[1])
  if (typeof payload === 'string') return `Jwt payload is an invalid ${payload}`
  const wrong = wrongClaim(payload)
  if (wrong !== undefined) return `Jwt payload ${wrong}`
  if (!isBase64Url(parts[2])) return 'Jwt signature is an invalid Base64url encoded'
  const audiences = [(payload['aud'] ?? []) as string | string[]].flat().map(plainAudience)
  return { text, kid, alg, algorithm, header, payload, payloadText: parts[1], audiences }
}

/**
 * What of the registered claims (RFC 7519 4.1) is not what it has to be, in Envoy's words and order: a time that is no number must not
 * pass for one that is not there.
 */
function wrongClaim(payload: Readonly<Record<string, unknown>>): string | undefined {
  for (const name of ['iss', 'sub', 'iat', 'nbf', 'exp', 'jti']) {
    const value = payload[name]
    if (value === undefined) continue
    if (name === 'iss' || name === 'sub' || name === 'jti') {
      if (typeof value !== 'string') return `[${name}] field is not a string`
    } else if (typeof value !== 'number') return `[${name}] field is not an integer`
    else if (value < 0 || value >= 2 ** 64) return `[${name}] field is not a positive 64 bit integer`
  }
  const { aud } = payload
  const isText = (value: unknown) => typeof value === 'string'
  if (aud === undefined || isText(aud) || (Array.isArray(aud) && aud.every(isText))) return undefined
  return '[aud] field is not a string or string list'
}

/** Envoy compares audiences without scheme and trailing slash. */
export function plainAudience(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '')
}

/** The object, or what the text is not. */
function section(text: string): Record<string, unknown> | 'Base64url encoded' | 'JSON' {
  if (!isBase64Url(text)) return 'Base64url encoded'
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
