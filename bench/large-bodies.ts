/**
 * Bytes per CPU-second of large bodies through Sluice and through Envoy, both ways, over HTTP/1.1: one worker on core 0, client and
 * upstream on core 1, runs alternate. The greatest RSS shows whether memory is bounded.
 *
 * node bench/large-bodies.ts [--runs 3] [--only sluice,envoy] [--case 'download 1 MB']
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { bootstrap } from './lib/bootstrap.ts'
import { freePorts } from './lib/free-ports.ts'
import { cpuSeconds, median, rssMb, start, stop, stopAll } from './lib/processes.ts'
import { commands, started } from './lib/proxies.ts'
import { sendBody } from './lib/send-body.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '3' }, only: { type: 'string' }, case: { type: 'string' } },
})
const [UPSTREAM, PROXY] = await freePorts(2)
const MB = 1 << 20

interface Case {
  readonly name: string
  readonly up: number
  readonly down: number
  readonly connections: number
  /** In all. */
  readonly requests: number
}

const CASES: readonly Case[] = [
  { name: 'download 1 MB', up: 0, down: MB, connections: 8, requests: 2000 },
  { name: 'upload 1 MB', up: MB, down: 0, connections: 8, requests: 2000 },
  { name: 'download 1 GB', up: 0, down: 1024 * MB, connections: 2, requests: 2 },
  { name: 'upload 1 GB', up: 1024 * MB, down: 0, connections: 2, requests: 2 },
]

/** Requests one after the other on one connection. */
function client({ up, down }: Case, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(PROXY, '127.0.0.1')
    socket.setNoDelay(true)
    let left = -1
    let head = ''
    let done = 0
    const next = () => {
      const length = up > 0 ? `content-length: ${up}\r\n` : ''
      socket.write(`${up > 0 ? 'POST' : 'GET'} /${down} HTTP/1.1\r\nhost: a\r\n${length}\r\n`)
      sendBody(socket, up)
    }
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed in the middle')))
    socket.on('data', (chunk: Buffer) => {
      let body = chunk.length
      if (left === -1) {
        head += chunk.latin1Slice()
        const end = head.indexOf('\r\n\r\n')
        if (end === -1) return
        if (!head.startsWith('HTTP/1.1 200 ')) return void socket.destroy(new Error(head.slice(0, 200)))
        left = down
        body = head.length - end - 4
        head = ''
      }
      left -= body
      if (left > 0) return
      left = -1
      if (++done < count) next()
      else {
        socket.removeAllListeners('close')
        socket.destroy()
        resolve()
      }
    })
    next()
  })
}

async function load(one: Case, requests: number): Promise<void> {
  const each = Math.ceil(requests / one.connections)
  await Promise.all(Array.from({ length: one.connections }, () => client(one, each)))
}

interface Run {
  readonly mbPerCpuSecond: number
  readonly rss: number
}

async function measure(one: Case, command: readonly [string, readonly string[]]): Promise<Run> {
  const child = await started(command, PROXY)
  const pid = child.pid as number
  let rss = 0
  const timer = setInterval(() => {
    if (child.exitCode === null) rss = Math.max(rss, rssMb(pid))
  }, 50)
  try {
    await load({ ...one, up: Math.min(one.up, MB), down: Math.min(one.down, MB) }, 200)
    const before = cpuSeconds(pid)
    await load(one, one.requests)
    const megabytes = ((one.up + one.down) / MB) * one.requests
    return { mbPerCpuSecond: megabytes / (cpuSeconds(pid) - before), rss: Math.max(rss, rssMb(pid)) }
  } finally {
    clearInterval(timer)
    await stop(child)
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'sluice-bodies-'))
const config = join(scratch, 'bootstrap.yaml')
writeFileSync(config, bootstrap({ route: ', timeout: 0s' }, PROXY, UPSTREAM))
start([process.execPath, [fileURLToPath(new URL('lib/body-upstream.ts', import.meta.url)), String(UPSTREAM)]], 1)
try {
  const wanted = values.only?.split(',')
  const proxies = [...(await commands(config))].filter(([name]) => wanted?.includes(name) !== false)
  for (const one of CASES) {
    if (values.case !== undefined && values.case !== one.name) continue
    const runs = new Map<string, Run[]>(proxies.map(([name]) => [name, []]))
    for (let run = 0; run < Number(values.runs); run++) {
      for (const [name, command] of proxies) runs.get(name)?.push(await measure(one, command))
    }
    const rate = (name: string) => median((runs.get(name) ?? []).map(({ mbPerCpuSecond }) => mbPerCpuSecond))
    console.log(`\n${one.name}`)
    console.table(
      [...runs].map(([proxy, list]) => {
        const rates = list.map(({ mbPerCpuSecond }) => mbPerCpuSecond)
        return {
          proxy,
          'MB per CPU-second': Math.round(rate(proxy)),
          spread: `${Math.round(((Math.max(...rates) - Math.min(...rates)) / rate(proxy)) * 100)} %`,
          'greatest RSS MB': Math.round(Math.max(...list.map(({ rss }) => rss))),
          'Sluice is': proxy === 'sluice' ? '' : `${(rate('sluice') / rate(proxy)).toFixed(2)} x`,
        }
      }),
    )
  }
} finally {
  await stopAll()
  rmSync(scratch, { recursive: true, force: true })
}
