import { Agent, request as httpRequest } from '../../../src/base/node-http.ts'

export interface CallOptions {
  readonly headers: Record<string, string>
  readonly timeoutMs: number
}

export interface CallResult {
  readonly status: number
  /** The parsed JSON body; undefined when it is none. */
  readonly body: unknown
}

/**
 * Goes by the proxy variables where they are set: that is how traffic between Pods passes through the mesh. NODE_USE_ENV_PROXY would do
 * it for every client of the process, and load undici for it.
 */
const agent = new Agent({ keepAlive: true, scheduling: 'lifo', timeout: 5000, proxyEnv: process.env })

/** A GET of JSON. Resolves to undefined when there was no answer in time. */
export async function getJson(url: string, options: CallOptions): Promise<CallResult | undefined> {
  const deadline = AbortSignal.timeout(options.timeoutMs)
  const once = () => get(url, options.headers, deadline)
  try {
    return await once()
  } catch (error) {
    // A kept connection that the other side was just closing says nothing about the service; anything else does.
    if (!(error instanceof StaleConnection)) return failed(url, error)
  }
  try {
    return await once()
  } catch (error) {
    return failed(url, error)
  }
}

class StaleConnection extends Error {}

function failed(url: string, error: unknown): undefined {
  console.error(`GET ${url}: ${error instanceof Error ? error.message : error}`)
  return undefined
}

function get(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<CallResult> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { agent, headers, signal }, (response) => {
      response.setEncoding('utf8')
      let text = ''
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parse(text) }))
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      reject(request.reusedSocket && error.code === 'ECONNRESET' ? new StaleConnection() : error)
    })
    request.end()
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `http://details:9080`, each part replaceable: DETAILS_HOSTNAME, DETAILS_SERVICE_PORT and, for all, SERVICES_DOMAIN. */
export function backend(name: 'details' | 'ratings' | 'reviews', env: NodeJS.ProcessEnv): string {
  const domain = env['SERVICES_DOMAIN'] ? `.${env['SERVICES_DOMAIN']}` : ''
  const host = env[`${name.toUpperCase()}_HOSTNAME`] ?? name
  const port = env[`${name.toUpperCase()}_SERVICE_PORT`] ?? '9080'
  return `http://${host}${domain}:${port}/${name}`
}
