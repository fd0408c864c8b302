import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Case, Seen } from '../case.ts'
import { send, sendBytes } from '../client.ts'
import { DEFAULT_MODULE } from '../modules/index.ts'
import { bootstrap, listener, type Places } from './envoy-config.ts'
import { Services } from './services.ts'

const START_MS = 30_000
const LOG_MS = 2_500

/** Runs cases on a real Envoy, all in one process: each has a listener of its own. */
export async function runOnEnvoy(
  envoy: string,
  cases: readonly Case[],
  modules: ReadonlyMap<string, string>,
): Promise<Map<string, Seen>> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-envoy-'))
  const places: Places = {
    listener: (index) => join(dir, `l${index}`),
    upstream: join(dir, 'upstream'),
    grpc: join(dir, 'grpc'),
    echo: join(dir, 'echo'),
    admin: join(dir, 'admin'),
    lds: join(dir, 'lds.json'),
  }
  const services = await Services.start(places)
  const log = new EnvoyLog()
  const resources = cases.map((one, i) =>
    listener(one, modules.get(one.module ?? DEFAULT_MODULE) ?? '', places.listener(i)),
  )
  writeFileSync(places.lds, JSON.stringify({ resources }))
  writeFileSync(join(dir, 'bootstrap.json'), JSON.stringify(bootstrap(places)))
  const baseId = String(process.pid % 30000)
  const flags = [
    '--concurrency',
    '1',
    '--base-id',
    baseId,
    '-l',
    'warn',
    '--component-log-level',
    'wasm:trace,main:info,config:debug',
    '--log-format',
    '%l|%n|%v',
  ]
  const child = spawn(envoy, ['-c', join(dir, 'bootstrap.json'), ...flags], { stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.on('data', (chunk: Buffer) => log.take(chunk))
  try {
    await ready(child, places.admin, log)
    const seen = new Map<string, Seen>()
    const work = cases.map((one, i) => ({ one, path: places.listener(i) }))
    const runners = Array.from({ length: 16 }, async () => {
      for (let next = work.shift(); next !== undefined; next = work.shift()) {
        seen.set(next.one.id, await runCase(next.one, next.path, services, log))
      }
    })
    await Promise.all(runners)
    for (const one of cases) {
      const its = seen.get(one.id)
      if (its !== undefined) its.log = log.of(one.id).slice(its.startLog.length)
    }
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`Envoy died\n${log.tail()}`)
    return seen
  } finally {
    child.kill('SIGKILL')
    services.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

async function runCase(one: Case, path: string, services: Services, log: EnvoyLog): Promise<Seen> {
  const seen: Seen = { exchanges: [], startLog: log.of(one.id).slice(), log: [], refused: undefined }
  if (!existsSync(path)) {
    seen.refused = log.refusal(one.id) ?? 'the listener is not there'
    return seen
  }
  for (const exchange of one.exchanges ?? [{}]) {
    services.http.prepare(one.id, exchange.upstream ?? {})
    const got = one.kind === 'tcp' ? await sendBytes(path, exchange) : await send(path, exchange)
    got.upstream = services.http.seen(one.id)
    seen.exchanges.push(got)
  }
  const wanted = one.log === undefined ? (one.logIncludes?.length ?? 0) : seen.startLog.length + one.log.length
  const late = Date.now() + LOG_MS
  while (log.of(one.id).length < wanted && Date.now() < late) await sleep(10)
  return seen
}

async function ready(child: ChildProcess, admin: string, log: EnvoyLog): Promise<void> {
  const late = Date.now() + START_MS
  while (!log.started) {
    if (child.exitCode !== null || Date.now() > late) throw new Error(`Envoy does not start (${admin})\n${log.tail()}`)
    await sleep(20)
  }
  await sleep(100)
}

/** Envoy's log, split into the lines of each plugin: `wasm log <plugin> <root id> <vm id>: message`. */
class EnvoyLog {
  started = false
  readonly #lines: string[] = []
  readonly #byPlugin = new Map<string, string[]>()
  #rest = ''

  take(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString('latin1')).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#line(line)
  }

  of(plugin: string): string[] {
    return this.#byPlugin.get(plugin) ?? []
  }

  refusal(plugin: string): string | undefined {
    return this.#lines.find((line) => line.includes(plugin) && /lds|listener|wasm/i.test(line))
  }

  tail(): string {
    return this.#lines.slice(-30).join('\n')
  }

  #line(line: string): void {
    const match = /^(\w+)\|wasm\|wasm log (\S+)(?: \S+)*?: (.*)$/.exec(line)
    if (match !== null) {
      const [, level, plugin, message] = match
      const lines = this.#byPlugin.get(plugin) ?? []
      if (lines.length === 0) this.#byPlugin.set(plugin, lines)
      lines.push(level === 'info' ? message : `${level}: ${message}`)
      return
    }
    this.#lines.push(line)
    if (line.includes('starting workers')) this.started = true
  }
}
