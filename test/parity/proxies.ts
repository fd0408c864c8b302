/** The two proxies under comparison, each with the whole bootstrap. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseBootstrap, startProxy } from '../../src/proxy/index.ts'

/** How long connections of what is removed may last. */
const DRAIN_S = 1

export interface RunningProxy {
  /** Ports by listener. */
  readonly ports: ReadonlyMap<string, number>
  /** `host:port` of its admin endpoint. */
  readonly admin: string
  stop(): Promise<void>
}

export async function startSluice(bootstrap: unknown): Promise<RunningProxy> {
  const proxy = await startProxy({
    bootstrap: parseBootstrap(JSON.stringify(bootstrap), 'parity'),
    workers: 1,
    drainMs: DRAIN_S * 1000,
  })
  return {
    ports: new Map(proxy.listeners().map(({ name, port }) => [name, port])),
    admin: proxy.adminAddress ?? '',
    stop: () => proxy.close(200),
  }
}

export async function startEnvoy(program: string, bootstrap: unknown, dir: string): Promise<RunningProxy> {
  const config = join(dir, 'envoy.json')
  const adminFile = join(dir, 'admin')
  writeFileSync(config, JSON.stringify(bootstrap))
  const args = [
    '-c',
    config,
    '--concurrency',
    '1',
    '--disable-hot-restart',
    '-l',
    'warn',
    '--admin-address-path',
    adminFile,
  ]
  const child = spawn(program, [...args, '--file-flush-interval-msec', '50', '--drain-time-s', String(DRAIN_S)])
  let log = ''
  let gone = false
  child.stdout.on('data', (data) => (log += data))
  child.stderr.on('data', (data) => (log += data))
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  void exited.then(() => (gone = true))
  const stop = async () => {
    child.kill('SIGKILL')
    await exited
  }
  const deadline = Date.now() + 30_000
  try {
    for (;;) {
      if (gone) throw new Error(`Envoy does not start: ${log.split('\n').slice(-15).join('\n')}`)
      const admin = existsSync(adminFile) ? readFileSync(adminFile, 'utf8') : ''
      const ports = admin === '' ? undefined : await listeners(admin)
      if (ports !== undefined) return { ports, admin, stop }
      if (Date.now() > deadline) throw new Error(`Envoy is not ready: ${log}`)
      await sleep(50)
    }
  } catch (error) {
    await stop()
    throw error
  }
}

async function listeners(admin: string): Promise<ReadonlyMap<string, number> | undefined> {
  const ready = await fetch(`http://${admin}/ready`).catch(() => undefined)
  if (ready?.status !== 200) return undefined
  return portsOf(await (await fetch(`http://${admin}/listeners?format=json`)).text())
}

/** Ports by listener, of what `/listeners?format=json` answers. */
export function portsOf(text: string): ReadonlyMap<string, number> {
  const told = JSON.parse(text) as {
    listener_statuses?: { name: string; local_address: { socket_address?: { port_value: number } } }[]
  }
  return new Map(
    (told.listener_statuses ?? []).map((one) => [one.name, one.local_address.socket_address?.port_value ?? 0]),
  )
}
