/** Long enough for a main thread that is busy with a large configuration. */
const LIMIT_MS = 30_000

/** `fetch` with an end, for the answer and its body: a failure names who was silent. */
export function limitedFetch(url: string, options: RequestInit = {}): Promise<Response> {
  const late = new AbortController()
  const silent = new Error(`${options.method ?? 'GET'} ${url}: no answer within ${LIMIT_MS} ms`)
  setTimeout(() => late.abort(silent), LIMIT_MS).unref()
  const signal = options.signal == null ? late.signal : AbortSignal.any([options.signal, late.signal])
  return fetch(url, { ...options, signal })
}

export async function fetchText(url: string): Promise<string> {
  return (await limitedFetch(url)).text()
}
