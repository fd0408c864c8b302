import { readFile } from 'node:fs/promises'
import { type HttpTransport, readAll, safeUrl, statusError } from '../../oci/index.ts'

const MAX_BYTES = 64 * 1024

/** The detached signature beside a module: its URL with `.sig` appended to the path; undefined where there is none. */
export async function fetchSignature(
  transport: HttpTransport,
  module: URL,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const url = new URL(module)
  url.pathname += '.sig'
  const { username, password } = module
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const headers = username === '' ? {} : { authorization: `Basic ${Buffer.from(user).toString('base64')}` }
  const response = await transport.send({ method: 'GET', url, headers, signal })
  const body = await readAll(response, MAX_BYTES, signal)
  if (response.status === 404) return undefined
  if (response.status !== 200) throw statusError(response.status, safeUrl(url), response.headers['retry-after'])
  return body
}

/** The same beside a file. */
export async function readSignature(path: string): Promise<Buffer | undefined> {
  return await readFile(`${path}.sig`).catch(() => undefined)
}
