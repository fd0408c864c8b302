import { checkedRealm } from './challenge.ts'
import type { Credential } from './credentials.ts'
import { type HttpResponse, type HttpTransport, safeUrl } from './http-transport.ts'
import { readAll } from './read-all.ts'
import { SupplyError, statusError } from './supply-error.ts'

const MAX_TOKEN_ANSWER = 1 << 20

/** `Basic …` for a user and password. */
export function basicAuth({ username, password }: Credential): string | undefined {
  if (username === undefined) return undefined
  return `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
}

/**
 * Gets a bearer token as Docker's token authentication specifies: GET with Basic (or no) credentials, or POST with a refresh
 * token (OAuth2).
 */
export async function fetchToken(
  transport: HttpTransport,
  registry: URL,
  params: Readonly<Record<string, string>>,
  scope: string,
  credential: Credential | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  const realm = checkedRealm(params['realm'] ?? '', registry)
  const authorization = credential === undefined ? undefined : basicAuth(credential)
  const secret = authorization !== undefined || credential?.identityToken !== undefined
  if (secret && realm.protocol === 'http:' && registry.protocol === 'https:') {
    throw new SupplyError('SL3018', `${registry.host} asks for credentials over plain http at ${realm.host}`)
  }
  const response =
    credential?.identityToken !== undefined
      ? await refresh(transport, realm, params['service'], scope, credential.identityToken, signal)
      : await ask(transport, realm, params['service'], scope, authorization, signal)
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

async function ask(
  transport: HttpTransport,
  realm: URL,
  service: string | undefined,
  scope: string,
  authorization: string | undefined,
  signal: AbortSignal | undefined,
): Promise<HttpResponse> {
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.set('service', service)
  url.searchParams.append('scope', scope)
  return await transport.send({ method: 'GET', url, headers: authorization ? { authorization } : {}, signal })
}

async function refresh(
  transport: HttpTransport,
  realm: URL,
  service: string | undefined,
  scope: string,
  token: string,
  signal: AbortSignal | undefined,
): Promise<HttpResponse> {
  const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'sluice', refresh_token: token, scope })
  if (service !== undefined) form.set('service', service)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return await transport.send({ method: 'POST', url: realm, headers, body: Buffer.from(form.toString()), signal })
}
