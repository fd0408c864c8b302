import { checkedRealm } from './challenge.ts'
import type { Credential } from './credentials.ts'
import { type HttpRequest, type HttpTransport, type OriginSettings, safeUrl } from './http-transport.ts'
import { readAll } from './read-all.ts'
import { SupplyError, statusError } from './supply-error.ts'

const MAX_TOKEN_ANSWER = 1 << 20

/** `Basic …` for a user and password. */
export function basicAuth({ username, password }: Credential): string | undefined {
  if (username === undefined) return undefined
  return `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
}

/** Who asks for a token: the registry that wants it, and how it is reached. */
export interface TokenAsker {
  readonly transport: HttpTransport
  readonly registry: URL
  readonly own: OriginSettings
  readonly signal: AbortSignal | undefined
}

/**
 * Gets a bearer token as Docker's token authentication specifies: GET with Basic (or no) credentials, or POST with a refresh
 * token (OAuth2).
 */
export async function fetchToken(
  asker: TokenAsker,
  params: Readonly<Record<string, string>>,
  scope: string,
  credential: Credential | undefined,
): Promise<string> {
  const { transport, registry, signal } = asker
  const realm = checkedRealm(params['realm'] ?? '', registry)
  const authorization = credential === undefined ? undefined : basicAuth(credential)
  const secret = authorization !== undefined || credential?.identityToken !== undefined
  if (secret && realm.protocol === 'http:' && registry.protocol === 'https:') {
    throw new SupplyError('SL3018', `${registry.host} asks for credentials over plain http at ${realm.host}`)
  }
  const own = settingsFor(realm, asker)
  const request =
    credential?.identityToken !== undefined
      ? refresh(realm, params['service'], scope, credential.identityToken)
      : ask(realm, params['service'], scope, authorization)
  const response = await transport.send({ ...request, own, signal })
  const text = (await readAll(response, MAX_TOKEN_ANSWER, signal)).toString()
  if (response.status !== 200) {
    throw statusError(response.status, `the token server ${safeUrl(realm)}`, response.headers['retry-after'])
  }
  let answer: { token?: unknown; access_token?: unknown }
  try {
    answer = JSON.parse(text)
  } catch {
    throw new SupplyError('SL3009', `the token server ${safeUrl(realm)} gave no JSON`)
  }
  const token = answer?.token ?? answer?.access_token
  if (typeof token !== 'string' || token === '' || /[\r\n]/.test(token)) {
    throw new SupplyError('SL3009', `the token server ${safeUrl(realm)} gave no token`)
  }
  return token
}

/** A token server elsewhere may be signed by the registry's authority; headers, certificates and leniency are not for it. */
function settingsFor(realm: URL, { registry, own }: TokenAsker): OriginSettings {
  if (realm.host === registry.host) return own
  return own.tls === undefined ? {} : { tls: { ca: own.tls.ca, certificates: [], insecure: false } }
}

function ask(realm: URL, service: string | undefined, scope: string, authorization: string | undefined): HttpRequest {
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.set('service', service)
  url.searchParams.append('scope', scope)
  return { method: 'GET', url, headers: authorization ? { authorization } : {} }
}

function refresh(realm: URL, service: string | undefined, scope: string, token: string): HttpRequest {
  const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'sluice', refresh_token: token, scope })
  if (service !== undefined) form.set('service', service)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return { method: 'POST', url: realm, headers, body: Buffer.from(form.toString()) }
}
