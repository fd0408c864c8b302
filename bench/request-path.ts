/**
 * Requests per CPU-second of one proxy on one core: Sluice beside Envoy, nginx, HAProxy and node:http + undici, as far as they are
 * there. The proxies have core 0, upstream and load generator share core 1. All proxies of a scenario are started and warmed up, then
 * loaded in turns, and each turn gives a ratio, so that a noisy machine is noisy for all. A proxy has rested while the others had their
 * turn, so its turn begins with a second whose latencies are told apart: connections are made, caches are cold. Envoy and Sluice read the
 * same bootstrap and the same module file. What a feature costs is told by a Sluice without it that is loaded at the same time, on the same core, so that
 * both meet the same neighbours in the same millisecond. At half load (of the slower of the two) the latencies are those of a steady rate.
 *
 * node bench/request-path.ts [--turns 6] [--warmup 4] [--seconds 2] [--connections 64] [--only sluice,envoy] [--scenario plain]
 */
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { envoy, h2load, haproxy, nginx, wrk } from '../test/peers/index.ts'
import { freePorts } from './lib/free-ports.ts'
import { cpuSeconds, median, output, rssMb, start, stop, stopAll } from './lib/processes.ts'
import { type Command, nginxCommand, peerCommands } from './request-path/peers.ts'
import { type Scenario, scenarios } from './request-path/scenarios.ts'

const { values } = parseArgs({
  options: {
    turns: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '2' },
    warmup: { type: 'string', default: '4' },
    connections: { type: 'string', default: '64' },
    only: { type: 'string' },
    scenario: { type: 'string' },
  },
})

/** Of the upstream, of each peer, and of the Sluice beside which the scenario is seen. */
const [UPSTREAM, ...PORTS] = await freePorts(7)
const BODY = 'a body of sixty-six bytes, which is about the size of a short JSON'
const HEADERS = [
  'user-agent: bench/1.0',
  'accept: text/html,application/json',
  'accept-language: en',
  'accept-encoding: gzip',
  'cookie: session=0123456789abcdef',
  'x-a: b',
  'message: foo',
]

/** Seconds of load of two at the same time, in which what a feature costs is told. */
const PAIRS = 12

/** The Sluice that has nothing of what the scenario is about. */
const WITHOUT = 'sluice without it'
const PLAIN: Scenario = {}

const programs = {
  wrk: (await wrk()).path,
  h2load: (await h2load()).path,
  nginx: (await nginx()).path,
  haproxy: (await haproxy()).path,
  envoy: (await envoy()).path,
}
const scratch = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
const PEERS = peerCommands(programs, file, UPSTREAM)

function file(name: string, text: string): string {
  const path = join(scratch, name)
  writeFileSync(path, text)
  return path
}

interface Turn {
  readonly perCpuSecond: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly errors: number
}

/** A proxy of the present scenario, and what was measured of it. */
interface Running {
  readonly name: string
  readonly url: string
  readonly headers: readonly string[]
  readonly child: ChildProcess
  readonly turns: Turn[]
  /** Of the second before each turn. */
  readonly rested: Turn[]
  halfLoad: string
  /** CPU seconds of a request while another Sluice was loaded, too. */
  readonly paired: number[]
}

async function status(url: string): Promise<number> {
  if (url.startsWith('http:')) return (await fetch(url)).status
  return new Promise((resolve, reject) => {
    get(url, { rejectUnauthorized: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    }).on('error', reject)
  })
}

/** Any answer will do: some scenarios want credentials. */
async function answers(url: string): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if ((await status(url).catch(() => 0)) !== 0) return
    await sleep(50)
  }
  throw new Error(`nothing answers at ${url}`)
}

async function load(
  { url, headers, child }: Running,
  seconds: number,
  connections = values.connections,
): Promise<Turn> {
  const pid = child.pid as number
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', ...headers.flatMap((h) => ['-H', h])]
  const before = cpuSeconds(pid)
  const text = await output(1, programs.wrk, [...args, `${url}some/path?query=1`])
  const cpu = cpuSeconds(pid) - before
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? 0)
  return {
    perCpuSecond: number(/(\d+) requests in/) / cpu,
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50: milliseconds(/^ +50% +(\S+)/m.exec(text)?.[1]),
    p99: milliseconds(/^ +99% +(\S+)/m.exec(text)?.[1]),
    errors: number(/Non-2xx or 3xx responses: (\d+)/),
  }
}

/** Of wrk's `980.00us`, `1.20ms` and `1.01s`. */
function milliseconds(text = ''): number {
  const unit = text.endsWith('us') ? 0.001 : text.endsWith('ms') ? 1 : 1000
  return Number.parseFloat(text) * unit
}

/** p99 in milliseconds at a steady rate; h2load writes down each request: start, status, microseconds. */
async function steady({ url, headers }: Running, perSecond: number): Promise<string> {
  const log = file('h2load.log', '')
  const connections = Number(values.connections)
  const rate = Math.max(1, Math.floor(perSecond / connections))
  const args = ['--h1', `-c${connections}`, '-t1', `-D${values.seconds}`, `--rps=${rate}`, `--log-file=${log}`]
  await output(1, programs.h2load, [...args, ...headers.flatMap((h) => ['-H', h]), `${url}some/path?query=1`])
  const times = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => Number(line.split('\t')[2]))
    .sort((a, b) => a - b)
  return `${(times[Math.floor(times.length * 0.99)] / 1000).toFixed(1)}ms`
}

async function measure(name: string, scenario: Scenario): Promise<void> {
  const wanted = values.only?.split(',')
  const running: Running[] = []
  try {
    const begin = async (peer: string, program: Command, port: number, config: Scenario) => {
      // One worker has core 0 for itself; more of them share both cores with the load.
      const child = start(program, scenario.workers === undefined ? 0 : '0,1')
      const url = `${config.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/`
      await answers(url)
      const headers = [...HEADERS, ...(scenario.headers ?? [])]
      running.push({ name: peer, url, headers, child, turns: [], rested: [], halfLoad: '', paired: [] })
    }
    for (const [i, [peer, command]] of Object.entries(PEERS).entries()) {
      const port = PORTS[i]
      const program = wanted === undefined || wanted.includes(peer) ? command(scenario, port) : undefined
      if (program !== undefined) await begin(peer, program, port, scenario)
    }
    if (scenario.plain !== true && (wanted === undefined || wanted.includes('sluice'))) {
      const port = PORTS[PORTS.length - 1]
      await begin(WITHOUT, PEERS['sluice'](PLAIN, port) as Command, port, PLAIN)
    }
    for (const proxy of running) await load(proxy, Number(values.warmup))
    for (let turn = 0; turn < Number(values.turns); turn++) {
      for (const proxy of turn % 2 === 0 ? running : running.toReversed()) {
        proxy.rested.push(await load(proxy, 1))
        proxy.turns.push(await load(proxy, Number(values.seconds)))
      }
    }
    if (name === 'plain' || name === 'one wasm filter') {
      const pair = running.filter((proxy) => proxy.name === 'sluice' || proxy.name === 'envoy')
      const half = Math.min(...pair.map(({ turns }) => median(turns.map((turn) => turn.perSecond)))) / 2
      for (const proxy of pair) proxy.halfLoad = await steady(proxy, half)
    }
    await loadTogether(running)
    report(name, running)
  } finally {
    for (const { child } of running) await stop(child)
  }
}

/** Loads Sluice and the Sluice without what the scenario is about at once, half as many connections each. */
async function loadTogether(running: readonly Running[]): Promise<void> {
  const both = running.filter(({ name }) => name === 'sluice' || name === WITHOUT)
  if (both.length < 2) return
  const half = String(Number(values.connections) / 2)
  // The first second is for connections.
  for (let i = 0; i <= PAIRS; i++) {
    const turns = await Promise.all(both.map((proxy) => load(proxy, 1, half)))
    if (i > 0) for (const [at, { paired }] of both.entries()) paired.push(1 / turns[at].perCpuSecond)
  }
}

function report(name: string, running: readonly Running[]): void {
  const own = running.find((proxy) => proxy.name === 'sluice')
  console.log(`\n${name}`)
  console.table(
    running.map((proxy) => {
      const { turns, rested, child } = proxy
      const ratios = turns.map((turn, i) => (own?.turns[i].perCpuSecond ?? Number.NaN) / turn.perCpuSecond)
      const ratio = `${median(ratios).toFixed(2)} x (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`
      return {
        proxy: proxy.name,
        'requests per CPU-second': Math.round(median(turns.map((turn) => turn.perCpuSecond))),
        'Sluice is': proxy === own ? '' : ratio,
        'p50 ms': Number(median(turns.map((turn) => turn.p50)).toFixed(1)),
        'p99 ms': Number(median(turns.map((turn) => turn.p99)).toFixed(1)),
        'p99 of the first second': Number(median(rested.map((turn) => turn.p99)).toFixed(1)),
        'p99 at half load': proxy.halfLoad,
        'RSS MB': Math.round(rssMb(child.pid as number)),
        errors: turns.reduce((sum, turn) => sum + turn.errors, 0),
      }
    }),
  )
  const without = running.find((proxy) => proxy.name === WITHOUT)
  if (own === undefined || without === undefined) return
  const costs = own.paired.map((spent, i) => (1 - without.paired[i] / spent) * 100).sort((a, b) => a - b)
  const range = `half of the seconds ${costs[PAIRS >> 2].toFixed(1)} to ${costs[PAIRS - 1 - (PAIRS >> 2)].toFixed(1)}`
  console.log(`costs ${median(costs).toFixed(1)} % (${range}) of what Sluice does without it`)
}

async function main(): Promise<void> {
  if (programs.wrk === '' || programs.nginx === '' || programs.h2load === '') {
    console.log('wrk, h2load and nginx are needed: the load generators and the upstream')
    return
  }
  const http = `server { listen 127.0.0.1:${UPSTREAM}; location / { default_type text/plain; add_header message foo; return 200 "${BODY}"; } }`
  const upstream = start(nginxCommand(programs.nginx, file, 'upstream', http), 1)
  try {
    await answers(`http://127.0.0.1:${UPSTREAM}/`)
    for (const [name, scenario] of Object.entries(await scenarios(scratch))) {
      if (values.scenario !== undefined && name !== values.scenario) continue
      if (scenario.module !== undefined && !existsSync(scenario.module)) continue
      await measure(name, scenario)
    }
  } finally {
    await stop(upstream)
    await stopAll()
    rmSync(scratch, { recursive: true, force: true })
  }
}

await main()
