import { pipeline } from 'node:stream/promises'
import type { Exchange } from '../http/exchange.ts'
import { flag } from '../rest/options.ts'
import { ApiError, badRequest } from '../status.ts'
import type { Entry } from '../store/entry.ts'
import type { PodRuntime } from './runtime.ts'

/** GET …/pods/P/log. Exec arrives as an upgrade, not here; a plain request for it is told so. */
export async function podSubresource(
  exchange: Exchange,
  entry: Entry,
  subresource: 'log' | 'exec',
  runtime: PodRuntime | undefined,
): Promise<void> {
  if (subresource === 'exec') throw badRequest('Upgrade request required')
  if (exchange.method !== 'GET') throw new ApiError(405, 'MethodNotAllowed', 'the log of a pod can only be read')
  const container = chooseContainer(entry, exchange.query.get('container') ?? '')
  const abort = new AbortController()
  exchange.response.on('close', () => abort.abort())
  const log = await requireRuntime(runtime)
    .logs(entry.namespace, entry.name, {
      container,
      follow: flag(exchange.query, 'follow'),
      previous: flag(exchange.query, 'previous'),
      timestamps: flag(exchange.query, 'timestamps'),
      tailLines: integer(exchange.query, 'tailLines'),
      sinceSeconds: integer(exchange.query, 'sinceSeconds'),
      limitBytes: integer(exchange.query, 'limitBytes'),
      sinceTime: exchange.query.get('sinceTime') ?? undefined,
      signal: abort.signal,
    })
    .catch((error: Error) => {
      throw error instanceof ApiError ? error : badRequest(error.message)
    })
  exchange.startStream('text/plain')
  try {
    await pipeline(log, exchange.response)
  } catch {
    // The reader has gone or the log was cut: either way there is nobody to tell, the headers are out.
    exchange.response.destroy()
  }
}

export function requireRuntime(runtime: PodRuntime | undefined): PodRuntime {
  if (runtime === undefined) {
    throw new ApiError(501, 'NotImplemented', 'this API server runs no pods: it was started without a pod runtime')
  }
  return runtime
}

/** A pod with several containers needs one named (or kubectl's default-container annotation). */
export function chooseContainer({ object, name }: Entry, asked: string): string {
  const spec = object['spec'] ?? {}
  const names = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c: { name: string }) => c.name)
  if (asked !== '') {
    if (names.includes(asked)) return asked
    throw badRequest(`container ${asked} is not valid for pod ${name}`)
  }
  if ((spec.containers ?? []).length === 1) return names[0]
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`)
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name)
  if (value === null || value === '') return undefined
  if (!/^\d+$/.test(value)) throw badRequest(`${name}: Invalid value: "${value}": must be a non-negative integer`)
  return Number(value)
}
