/**
 * Memory of idle keep-alive connections: Sluice beside Envoy, one worker each, the same bootstrap. Every connection has had one
 * request answered before it idles. Sluice runs as it is installed.
 *
 * node bench/idle-connections.ts [--connections 10000] [--only sluice,envoy]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { bootstrap } from './lib/bootstrap.ts'
import { freePorts } from './lib/free-ports.ts'
import { rssMb, stop, stopAll } from './lib/processes.ts'
import { commands, packed, started } from './lib/proxies.ts'

const { values } = parseArgs({
  options: { connections: { type: 'string', default: '10000' }, only: { type: 'string' } },
})
const COUNT = Number(values.connections)
const [UPSTREAM, PROXY] = await freePorts(2)

// Node raises its own soft limit to the hard one, and its children inherit that.
const limit = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'latin1' }))
if (limit < COUNT + 200) throw new Error(`${COUNT} connections need as many open files; ulimit -n allows ${limit}`)

const scratch = mkdtempSync(join(tmpdir(), 'sluice-idle-'))
const config = join(scratch, 'bootstrap.yaml')
writeFileSync(config, bootstrap({}, PROXY, UPSTREAM))

/** One connection that has had its request. */
function idle(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(PROXY, '127.0.0.1')
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed')))
    socket.on('data', () => resolve(socket))
    socket.write('GET / HTTP/1.1\r\nhost: a\r\nuser-agent: idle\r\naccept: */*\r\n\r\n')
  })
}

async function measure(name: string, command: readonly [string, readonly string[]]) {
  const child = await started(command, PROXY)
  const sockets: Socket[] = []
  try {
    const pid = child.pid as number
    await sleep(2000)
    const before = rssMb(pid)
    while (sockets.length < COUNT) sockets.push(...(await Promise.all(Array.from({ length: 50 }, idle))))
    const peak = rssMb(pid)
    // Collections come with time, not with need.
    await sleep(15_000)
    const after = rssMb(pid)
    return {
      proxy: name,
      'RSS MB before': Math.round(before),
      'with connections': Math.round(peak),
      'after 15 s': Math.round(after),
      'KB per connection': (((after - before) * 1024) / COUNT).toFixed(1),
    }
  } finally {
    for (const socket of sockets) socket.removeAllListeners('close').destroy()
    await stop(child)
  }
}

const upstream = createServer((_, response) => response.end('hello'))
upstream.listen(UPSTREAM, '127.0.0.1')
try {
  const wanted = values.only?.split(',')
  const rows = []
  for (const [name, command] of await commands(config, packed(scratch))) {
    if (wanted?.includes(name) !== false) rows.push(await measure(name, command))
  }
  console.table(rows)
} finally {
  await stopAll()
  upstream.closeAllConnections()
  upstream.close()
  rmSync(scratch, { recursive: true, force: true })
}
