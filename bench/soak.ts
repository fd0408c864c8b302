/**
 * Full load with faults, for long: is every request accounted for, and does memory stay? Sluice runs a Wasm filter, retries and
 * changes of routes and modules every two seconds, while upstreams reset, refuse, answer slowly, wrongly or never, clients go away
 * in the middle, and another listener's extension loops and traps. Every request has an expected end; RSS is read every 5 seconds.
 *
 * node bench/soak.ts [--minutes 10] [--connections 64]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { rssMb } from './lib/processes.ts'
import { Account, Client } from './soak/client.ts'
import { Http2Client } from './soak/http2-client.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, connections: { type: 'string', default: '64' } },
})
const minutes = Number(values.minutes)
/** A port that no system gives to a socket that takes any. */
const NOBODY = 65_529

interface Stats {
  readonly gauges: Readonly<Record<string, number>>
  readonly counters: Readonly<Record<string, number>>
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
const proxy = start('soak/proxy.ts', [String(port), String(NOBODY)])
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
    const unexpected = [...account.unexpected.values()].reduce((sum, count) => sum + count, 0)
    console.log(
      `${seconds} s: ${account.sent} sent, ${unexpected} unexpected, RSS ${Math.round(memory[memory.length - 1].mb)} MB`,
    )
  }
}
await Promise.race([Promise.all(clients.map((client) => client.stop())), sleep(25_000)])
await sleep(1000)
const { gauges, version, nacks } = await stats()
proxy.send('stop')
upstream.disconnect()
report()

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
  console.log(`ends that the faults do not explain: ${account.unexpected.size === 0 ? 'none' : ''}`)
  for (const [what, count] of account.unexpected) console.log(`  ${count} x ${what}`)
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
  process.exitCode = account.sent === account.accounted && account.unexpected.size === 0 && left.length === 0 ? 0 : 1
}
