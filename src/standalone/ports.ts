import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { SluiceError } from '../errors.ts'

/** A port that the instance needs, and the option that moves it. */
export interface NeededPort {
  readonly host: string
  readonly port: number
  /** What it is for, in the words of the address table. */
  readonly use: string
  /** The option of `sluice up`. */
  readonly option: string
}

/** Fails with the first port that is taken, naming its use, its holder and the option to choose another. */
export async function checkPorts(needed: readonly NeededPort[]): Promise<void> {
  for (const one of needed) {
    if (one.port === 0 || (await isFree(one.host, one.port))) continue
    const holder = holderOf(one.port)
    const by = holder === undefined ? '' : ` by ${holder}`
    throw new SluiceError('SL6001', `${one.port} (${one.use}) is held${by}; choose another with --${one.option} PORT`, {
      where: `${one.host}:${one.port}`,
    })
  }
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false)
      else reject(new SluiceError('SL6001', `${port}: ${error.message}`, { cause: error, where: `${host}:${port}` }))
    })
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

const LISTEN = '0A'

/** `process 123 (nginx)`, from /proc; undefined where that cannot be told (another user's process, no Linux). */
function holderOf(port: number): string | undefined {
  try {
    const inodes = new Set<string>()
    for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
      for (const line of readFileSync(file, 'utf8').split('\n').slice(1)) {
        const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
        if (state === LISTEN && Number.parseInt(local.split(':')[1], 16) === port) inodes.add(`socket:[${inode}]`)
      }
    }
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (holdsAny(pid, inodes)) return `process ${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`
    }
  } catch {
    // no /proc, or it went away while reading: the message does without
  }
  return undefined
}

function holdsAny(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`))
      } catch {
        return false
      }
    })
  } catch {
    return false
  }
}
