import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ControlPlane } from '../control/index.ts'
import type { Registry } from '../telemetry/metrics.ts'

/** Port 15014 of istiod: metrics, health, and the control plane's debug pages. */
export async function serveMonitoring(host: string, port: number, metrics: Registry, control: ControlPlane) {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    if (path === '/metrics') {
      response.setHeader('content-type', 'text/plain; version=0.0.4')
      response.end(metrics.render())
    } else if (path === '/ready' || path === '/healthz') response.end('ok\n')
    else if (!control.debug(path, response)) response.writeHead(404).end('not found\n')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}
