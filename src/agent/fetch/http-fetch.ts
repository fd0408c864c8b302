import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import {
  bodyError,
  type Deadline,
  deadline,
  type HttpTransport,
  type RetryOptions,
  retrying,
  SupplyError,
  safeUrl,
  statusError,
  type UnpackLimits,
} from '../../oci/index.ts'
import { unbox } from './unbox.ts'

/** How often and how long a server is asked. */
export interface HttpFetchOptions {
  /** Tries in all (WASM_HTTP_REQUEST_MAX_RETRIES, which counts tries, not retries). */
  readonly attempts: number
  /** Of one try with its body (WASM_HTTP_REQUEST_TIMEOUT). */
  readonly attemptMs: number
  readonly retry?: Omit<RetryOptions, 'attempts'>
}

/** Istio's: 500 ms, growing by 1.5 up to 60 s. */
const RETRY: Omit<RetryOptions, 'attempts'> = { initialMs: 500, maxMs: 60_000, factor: 1.5 }

/** Downloads a module by http(s) into `work` and unpacks it; returns its file and where it really came from. */
export async function fetchByHttp(
  transport: HttpTransport,
  url: URL,
  work: string,
  limits: UnpackLimits,
  options: HttpFetchOptions,
  limit: Deadline,
): Promise<{ path: string; source?: string }> {
  const target = join(work, 'download')
  let tries = 0
  try {
    const final = await retrying({ ...(options.retry ?? RETRY), attempts: options.attempts }, limit, async (n) => {
      tries = n
      const attempt = deadline(options.attemptMs, safeUrl(url), limit.signal)
      try {
        return await download(transport, url, target, limits.maxBytes, attempt.signal)
      } finally {
        attempt.clear()
      }
    })
    const path = await unbox(target, work, limits)
    return safeUrl(final) === safeUrl(url) ? { path } : { path, source: safeUrl(final) }
  } catch (error) {
    if (!(error instanceof SupplyError) || tries < 2) throw error
    const { code, retryable, retryAfterMs } = error
    const detail = `wasm module download failed after ${tries} attempts, last error: ${error.message}`
    throw new SupplyError(code, detail, { retryable, retryAfterMs, cause: error })
  }
}

async function download(
  transport: HttpTransport,
  url: URL,
  target: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<URL> {
  const { username, password } = url
  // As Go's client: user and password of the URL are sent as Basic. They stay with the first origin.
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const headers = username === '' ? {} : { authorization: `Basic ${Buffer.from(user).toString('base64')}` }
  const response = await transport.send({ method: 'GET', url, headers, signal })
  if (response.status !== 200) {
    response.body.destroy()
    const what = `${safeUrl(url)}: wasm module download request failed: status code ${response.status}`
    throw statusError(response.status, what, response.headers['retry-after'])
  }
  const announced = Number(response.headers['content-length'] ?? 0)
  if (announced > maxBytes) {
    response.body.destroy()
    throw new SupplyError('SL3013', `${safeUrl(url)} announces ${announced} bytes, the limit is ${maxBytes}`)
  }
  try {
    await rm(target, { force: true })
    await pipeline(response.body, limited(maxBytes, url), createWriteStream(target, { flags: 'wx' }), { signal })
  } catch (error) {
    const disk =
      (error as NodeJS.ErrnoException).path !== undefined || (error as NodeJS.ErrnoException).code === 'ENOSPC'
    throw disk ? error : bodyError(error, url, signal)
  }
  return response.url
}

function limited(maxBytes: number, url: URL): (source: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  return async function* (source) {
    let size = 0
    for await (const chunk of source) {
      size += chunk.length
      if (size > maxBytes) throw new SupplyError('SL3013', `${safeUrl(url)} sends more than ${maxBytes} bytes`)
      yield chunk
    }
  }
}
