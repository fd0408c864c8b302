/**
 * Full load with faults, for long: is every request accounted for, and does memory stay? Sluice runs a Wasm filter, retries and
 * changes of routes and modules every two seconds, while upstreams reset, refuse, answer slowly, wrongly or never, clients go away
 * in the middle, another listener's extension loops and traps, and now and then one of the two data threads dies. Every request has
 * an expected end, or was on a connection of a thread that died; RSS is read every 5 seconds.
 *
 * node bench/soak.ts [--minutes 10] [--connections 64] [--crash-seconds 30]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { rssMb } from './lib/processes.ts'
import { Account, Client } from './soak/client.ts'
import type { Crash } from './soak/crash.ts'
import { Http2Client } from './soak/http2-client.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    connections: { type: 'string', default: '64' },
    'crash-seconds': { type: 'string', default: '30' },
  },
})
const minutes = Number(values.minutes)
/** A port that no system gives to a socket that takes any. */
const NOBODY = 65_529

interface Stats {
  readonly gauges: Readonly<Record<string, number>>
  /** Living, and how many there should be. */
  readonly workers: readonly [number, number]
  readonly crashes: readonly Crash[]
  readonly version: number
  readonly nacks: readonly unknown[]
}

function start(file: string, args: readonly string[] = []): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    env: { ...process.env, SLUICE_LOG_LEVEL: 'fatal' },
  })
}

async function told<T>(child: ChildProcess): Promise<T> {
  return (await once(child, 'message'))[0] as T
}

const upstream = start('soak/upstream.ts')
const { port } = await told<{ port: number }>(upstream)
const proxy = start('soak/proxy.ts', [String(port), String(NOBODY), values['crash-seconds']])
const ports = await told<{ web: number; hostile: number }>(proxy)
const stats = (): Promise<Stats> => {
  proxy.send('stats')
  return told<Stats>(proxy)
}

const account = new Account()
const clients: { stop(): Promise<void>; watch(now: number): void }[] = [
  ...Array.from({ length: Number(values.connections) }, () => new Client(ports, account)),
  ...Array.from({ length: 2 }, () => new Http2Client(ports.web, account, 4)),
]
const begun = performance.now()
const memory: { readonly seconds: number; readonly mb: number }[] = []
while (performance.now() - begun < minutes * 60_000) {
  await sleep(5000)
  const now = performance.now()
  for (const client of clients) client.watch(now)
  const seconds = Math.round((now - begun) / 1000)
  memory.push({ seconds, mb: rssMb(proxy.pid as number) })
  if (memory.length % 6 === 0) {
    const { crashes } = await stats()
    account.losses.attribute(crashes)
    console.log(
      `${seconds} s: ${account.sent} sent, ${total(account.losses.unexplained.values())} unexplained, ${crashes.length} crashes, RSS ${Math.round(memory[memory.length - 1].mb)} MB`,
    )
  }
}
await Promise.race([Promise.all(clients.map((client) => client.stop())), sleep(25_000)])
await sleep(1000)
let last = await stats()
// One that has just died is replaced after a pause.
for (let i = 0; i < 20 && last.workers[0] < last.workers[1]; i++) {
  await sleep(1000)
  last = await stats()
}
const { gauges, version, nacks, crashes, workers } = last
account.losses.attribute(crashes)
proxy.send('stop')
upstream.disconnect()
report()

function total(counts: Iterable<number>): number {
  let sum = 0
  for (const count of counts) sum += count
  return sum
}

function report(): void {
  const left = Object.entries(gauges).filter(
    ([name, count]) => /rq_active|pending_active|contexts/.test(name) && count !== 0,
  )
  const later = memory.filter(({ seconds }) => seconds > 60)
  const seconds = (performance.now() - begun) / 1000
  console.log(
    `\n${Math.round(account.sent / seconds)} requests a second; ${version} changes of routes and module, ${nacks.length} refused`,
  )
  console.table(Object.fromEntries([...account.outcomes].sort(([a], [b]) => (a < b ? -1 : 1))))
  console.log(
    `requests sent ${account.sent} = accounted for ${account.accounted}: ${account.sent === account.accounted ? 'yes' : 'NO'}`,
  )
  const { cost, unexplained } = account.losses
  console.log(`ends that the faults do not explain: ${unexplained.size === 0 ? 'none' : ''}`)
  for (const [what, count] of unexplained) console.log(`  ${count} x ${what}`)
  const had = total(crashes.map(({ connections }) => connections))
  console.log(
    `data threads that died: ${crashes.length}, living ${workers.join(' of ')}; ${total(cost)} requests were lost with the ${had} connections of these threads alone`,
  )
  console.log(
    `left behind (active requests, pending, plugin contexts): ${left.length === 0 ? 'nothing' : JSON.stringify(left)}`,
  )
  if (later.length > 1) {
    // Thirds rather than single readings: each reading stands at another point between two collections.
    const third = Math.ceil(later.length / 3)
    const mean = (list: typeof later) => list.reduce((sum, { mb }) => sum + mb, 0) / list.length
    const [first, last] = [mean(later.slice(0, third)), mean(later.slice(-third))]
    const all = later.map(({ mb }) => mb)
    console.log(
      `RSS after the first minute: ${first.toFixed(0)} MB in the first third, ${last.toFixed(0)} MB in the last: ${((last / first - 1) * 100).toFixed(1)} % (${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)})`,
    )
  }
  const whole = account.sent === account.accounted && unexplained.size === 0 && left.length === 0
  process.exitCode = whole && workers[0] === workers[1] ? 0 : 1
}
