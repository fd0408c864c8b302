import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Case, Seen } from '../case.ts'
import { DEFAULT_MODULE } from '../modules/index.ts'
import { bootstrap, listener, services } from './envoy-config.ts'
import { PluginLog } from './plugin-log.ts'
import { runCases } from './run-cases.ts'
import { Services } from './services.ts'

const START_MS = 60_000
const MAIN = fileURLToPath(new URL('../../../../src/cli/main.ts', import.meta.url))
/** pino's numbers. */
const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warning',
  50: 'error',
  60: 'critical',
}

/** Runs cases on our whole proxy (`sluice proxy -c`), with the configuration that Envoy gets. */
export async function runOnSluice(
  cases: readonly Case[],
  modules: ReadonlyMap<string, string>,
  patienceMs?: number,
): Promise<Map<string, Seen>> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-proxy-'))
  const upstreams = await Services.start(dir)
  const log = new PluginLog((line) => {
    if (!line.includes('"scope":"wasm"')) return undefined
    const { level, msg } = JSON.parse(Buffer.from(line, 'latin1').toString('utf8')) as { level: number; msg: string }
    return { level: LEVELS[level] ?? String(level), message: msg }
  })
  const moduleOf = (one: Case) => modules.get(one.module ?? DEFAULT_MODULE) ?? ''
  const listeners = cases.map((one) =>
    listener(one, moduleOf(one), { socket_address: { address: '127.0.0.1', port_value: 0 } }, upstreams),
  )
  const { static_resources, ...rest } = bootstrap(upstreams) as { static_resources: object }
  writeFileSync(
    join(dir, 'bootstrap.json'),
    JSON.stringify({ ...rest, ...services(cases, moduleOf), static_resources: { ...static_resources, listeners } }),
  )
  const flags = [MAIN, 'proxy', '-c', join(dir, 'bootstrap.json'), '--concurrency', '1']
  const child = spawn(process.execPath, flags, { env: { ...process.env, SLUICE_LOG_LEVEL: 'trace' } })
  child.stderr.on('data', (chunk: Buffer) => log.take(chunk))
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  try {
    const late = Date.now() + START_MS
    while (said.split('\n').length <= cases.length) {
      if (child.exitCode !== null || Date.now() > late) throw new Error(`the proxy does not start\n${log.tail()}`)
      await sleep(20)
    }
    const ports = new Map(
      [...said.matchAll(/^listener (\S+) on \S+:(\d+)$/gm)].map(([, name, port]) => [name, Number(port)]),
    )
    const seen = await runCases(cases, (one) => ({ port: ports.get(one.id) ?? 0 }), upstreams, log, patienceMs)
    if (child.exitCode !== null) throw new Error(`the proxy died\n${log.tail()}`)
    return seen
  } finally {
    child.kill('SIGKILL')
    upstreams.close()
    rmSync(dir, { recursive: true, force: true })
  }
}
