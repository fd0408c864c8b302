import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SluiceError } from '../../errors.ts'

/** Who knows what the server tells. */
export interface StatusSources {
  /** Why the proxy must not get traffic yet; empty when it may. */
  notReady(): Promise<readonly string[]> | readonly string[]
  /** All metrics in Prometheus text. */
  metrics(): Promise<string> | string
}

/** A listening server. */
export interface StatusServer {
  readonly port: number
  close(): Promise<void>
}

/** The paths of Istio's agent on port 15020: readiness for the Pod, and the merged metrics for Prometheus. */
export async function serveStatus(host: string, port: number, sources: StatusSources): Promise<StatusServer> {
  const server = createServer((request, response) => {
    void answer(request.url?.split('?')[0] ?? '', response, sources).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE'
      reject(
        taken ? new SluiceError('SL6001', `${host}:${port}, wanted for health and metrics`, { cause: error }) : error,
      )
    })
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(path: string, response: ServerResponse, sources: StatusSources): Promise<void> {
  response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  switch (path) {
    case '/healthz/ready': {
      const reasons = await sources.notReady()
      response.statusCode = reasons.length === 0 ? 200 : 503
      response.end(reasons.length === 0 ? 'ready\n' : `${reasons.join('\n')}\n`)
      return
    }
    case '/healthz/live':
      response.end('live\n')
      return
    case '/stats/prometheus':
    case '/metrics':
      response.end(await sources.metrics())
      return
    default:
      response.statusCode = 404
      response.end('not found\n')
  }
}
