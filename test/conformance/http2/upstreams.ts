/** What stands behind the proxies. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { rawUpstream } from '../../../src/proxy/testing.ts'

export interface Upstreams {
  readonly port: number
  /** Takes connections and reads nothing. */
  readonly stuckPort: number
  /** Targets of the requests that have arrived whole. */
  readonly whole: string[]
  close(): Promise<void>
}

/** `/hold` is never answered, `/big` with a megabyte, the rest with five bytes. */
export async function startUpstreams(): Promise<Upstreams> {
  const whole: string[] = []
  // Larger than any limit of the proxies, so that a refusal is theirs.
  const server = createServer({ maxHeaderSize: 1 << 20 }, (request, response) => {
    request.on('error', () => {})
    request.resume().on('end', () => {
      whole.push(request.url ?? '')
      if (request.url !== '/hold') response.end(request.url === '/big' ? 'x'.repeat(1_000_000) : 'hello')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stuck = await rawUpstream((socket) => socket.pause())
  return {
    port: (server.address() as AddressInfo).port,
    stuckPort: stuck.port,
    whole,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await stuck.close()
    },
  }
}
