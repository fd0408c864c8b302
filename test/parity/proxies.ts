/** The two proxies under comparison, each with the whole bootstrap. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseBootstrap, startProxy } from '../../src/proxy/index.ts'
import { closeProxy } from '../close-proxy.ts'
import { fetchText, limitedFetch } from '../limited-fetch.ts'
import { Program } from '../program.ts'
import { within } from '../within.ts'

/** How long connections of what is removed may last. */
const DRAIN_S = 1

export interface RunningProxy {
  /** Ports by listener. */
  readonly ports: ReadonlyMap<string, number>
  /** `host:port` of its admin endpoint. */
  readonly admin: string
  /** What it has said, where that is kept. */
  log(): string
  stop(): Promise<void>
}

export async function startSluice(bootstrap: unknown): Promise<RunningProxy> {
  const starting = startProxy({
    bootstrap: parseBootstrap(JSON.stringify(bootstrap), 'parity'),
    workers: 1,
    drainMs: DRAIN_S * 1000,
  })
  const proxy = await within('our proxy to start', starting)
  return {
    ports: new Map(proxy.listeners().map(({ name, port }) => [name, port])),
    admin: proxy.adminAddress ?? '',
    log: () => '',
    stop: () => closeProxy(proxy, 200),
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
  const flags = [...args, '--file-flush-interval-msec', '50', '--drain-time-s', String(DRAIN_S)]
  const envoy = new Program(program, flags)
  try {
    const { admin, ports } = await envoy.until('its listeners', async () => {
      const admin = existsSync(adminFile) ? readFileSync(adminFile, 'utf8') : ''
      const ports = admin === '' ? undefined : await listeners(admin)
      return ports && { admin, ports }
    })
    return { ports, admin, log: () => envoy.log(), stop: () => envoy.stop() }
  } catch (error) {
    await envoy.stop()
    throw error
  }
}

/** Envoy and ours by one bootstrap. Where one of them does not start, none is left. */
export async function startBoth(
  program: string,
  bootstrap: unknown,
  dir: string,
): Promise<readonly [theirs: RunningProxy, ours: RunningProxy]> {
  const theirs = await startEnvoy(program, bootstrap, dir)
  try {
    return [theirs, await startSluice(bootstrap)]
  } catch (error) {
    await theirs.stop()
    throw error
  }
}

async function listeners(admin: string): Promise<ReadonlyMap<string, number> | undefined> {
  const ready = await limitedFetch(`http://${admin}/ready`).catch(() => undefined)
  if (ready?.status !== 200) return undefined
  return portsOf(await fetchText(`http://${admin}/listeners?format=json`))
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
