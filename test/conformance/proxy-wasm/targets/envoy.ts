import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Case, Seen } from '../case.ts'
import { DEFAULT_MODULE } from '../modules/index.ts'
import { bootstrap, listener, services } from './envoy-config.ts'
import { PluginLog } from './plugin-log.ts'
import { runCases } from './run-cases.ts'
import { Services } from './services.ts'

const START_MS = 60_000
/** Only plugins speak above the level of warnings, and who reads the listeners. */
const LOGGING = ['-l', 'warn', '--component-log-level', 'wasm:trace,main:info', '--log-format', '%l|%n|%v']

/** Runs cases on a real Envoy, all in one process: each has a listener of its own. */
export async function runOnEnvoy(
  envoy: string,
  cases: readonly Case[],
  modules: ReadonlyMap<string, string>,
  patienceMs?: number,
): Promise<Map<string, Seen>> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-envoy-'))
  const upstreams = await Services.start(dir)
  const log = new PluginLog((line) => {
    const [level, scope, ...rest] = line.split('|')
    return scope === 'wasm' ? { level, message: rest.join('|') } : undefined
  })
  const moduleOf = (one: Case) => modules.get(one.module ?? DEFAULT_MODULE) ?? ''
  const path = (index: number) => join(dir, `l${index}`)
  const typed = { '@type': 'type.googleapis.com/envoy.config.listener.v3.Listener' }
  const resources = cases.map((one, i) => ({
    ...typed,
    ...listener(one, moduleOf(one), { pipe: { path: path(i) } }, upstreams),
  }))
  // Listeners from a file: Envoy takes the good ones and refuses the others one by one.
  const lds = join(dir, 'lds.json')
  writeFileSync(lds, JSON.stringify({ resources }))
  const dynamic = {
    dynamic_resources: { lds_config: { path_config_source: { path: lds }, resource_api_version: 'V3' } },
  }
  const admin = { admin: { address: { pipe: { path: join(dir, 'admin') } } } }
  writeFileSync(
    join(dir, 'bootstrap.json'),
    JSON.stringify({ ...bootstrap(upstreams), ...services(cases, moduleOf), ...dynamic, ...admin }),
  )
  const flags = [
    '-c',
    join(dir, 'bootstrap.json'),
    '--concurrency',
    '1',
    '--base-id',
    String(process.pid % 30000),
    ...LOGGING,
    '--file-flush-interval-msec',
    '50',
  ]
  const child = spawn(envoy, flags, { stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.on('data', (chunk: Buffer) => log.take(chunk))
  const dead = () => child.exitCode !== null || child.signalCode !== null
  try {
    const late = Date.now() + START_MS
    while (log.find('starting main dispatch loop') === undefined) {
      if (dead() || Date.now() > late) throw new Error(`Envoy does not start\n${log.tail()}`)
      await sleep(20)
    }
    const refused = (one: Case) => ({
      refused: log.find(`Unable to create Wasm plugin ${one.id}`) ?? 'its listener is not there',
    })
    const seen = await runCases(
      cases,
      (one, i) => (existsSync(path(i)) ? { path: path(i) } : refused(one)),
      upstreams,
      log,
      patienceMs,
    )
    if (dead()) throw new Error(`Envoy died\n${log.tail()}`)
    return seen
  } finally {
    child.kill('SIGKILL')
    upstreams.close()
    rmSync(dir, { recursive: true, force: true })
  }
}
