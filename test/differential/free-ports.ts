import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/**
 * Ports that were free a moment ago. Of listeners that ask for any port Envoy gives the sockets of those that are draining to new ones,
 * which would then share them.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Free ones below those that connections get: nobody who connects takes one of them before it is listened on, or bound to. */
export async function quietPorts(count: number): Promise<number[]> {
  const found: number[] = []
  for (let port = FIRST + Math.floor(Math.random() * (LAST - FIRST) * 0.8); found.length < count; port++) {
    if (port > LAST) throw new Error(`no ${count} free ports`)
    const server = createServer()
    const free = await new Promise<boolean>((resolve) => {
      server.once('listening', () => resolve(true)).once('error', () => resolve(false))
      server.listen(port, '0.0.0.0')
    })
    if (free) found.push(port)
    await new Promise((resolve) => server.close(resolve))
  }
  return found
}

const FIRST = 11_000
const LAST = 32_000
