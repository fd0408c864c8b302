import { createServer } from 'node:net'

/** Below what connections get from the system: nobody who connects takes one of them before it is listened on, or bound to. */
const FIRST = 11_000
const LAST = 32_000

/** Ports that are free, and that the system gives to nobody. */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = []
  for (let port = FIRST + Math.floor(Math.random() * (LAST - FIRST) * 0.8); found.length < count; port++) {
    if (port > LAST) throw new Error(`no ${count} free ports`)
    if (await isFree(port)) found.push(port)
  }
  return found
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0]
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const free = await new Promise<boolean>((resolve) => {
    server.once('listening', () => resolve(true)).once('error', () => resolve(false))
    server.listen(port, '0.0.0.0')
  })
  await new Promise((resolve) => server.close(resolve))
  return free
}
