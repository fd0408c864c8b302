import { createServer } from 'node:net'

/**
 * Ports that nobody has, so that two benches do not meet. Below those that systems give to clients: thousands of connections may
 * come before the port is used.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  while (found.size < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    if (!found.has(port) && (await isFree(port))) found.add(port)
  }
  return [...found]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
