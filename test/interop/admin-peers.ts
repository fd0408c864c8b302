/** Envoy and Sluice by one bootstrap, to be asked at their admin addresses. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseBootstrap, startProxy } from '../../src/proxy/index.ts'
import { closeProxy } from '../close-proxy.ts'
import { limitedFetch } from '../limited-fetch.ts'
import { startEnvoy } from '../parity/proxies.ts'
import { within } from '../within.ts'

export type Which = 'envoy' | 'sluice'

export interface Administered {
  readonly admin: string
  /** Of the first listener. */
  readonly port: number
  /** Resolves when it has ended by itself, or been asked to. */
  readonly over: Promise<unknown>
  stop(): Promise<void>
}

/** `program` is Envoy's path; the first listener has to be named `l`. */
export async function startWithAdmin(which: Which, program: string, bootstrap: unknown): Promise<Administered> {
  if (which === 'envoy') {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-admin-'))
    const { ports, admin, stop } = await startEnvoy(program, bootstrap, dir)
    const over = (async () => {
      while (await limitedFetch(`http://${admin}/ready`).catch(() => undefined))
        await new Promise((r) => setTimeout(r, 50))
    })()
    const end = async () => {
      await stop()
      rmSync(dir, { recursive: true })
    }
    return { admin, port: ports.get('l') as number, over, stop: end }
  }
  const starting = startProxy({ bootstrap: parseBootstrap(JSON.stringify(bootstrap), 'admin'), workers: 2 })
  const proxy = await within('our proxy to start', starting)
  const stop = () => closeProxy(proxy, 100)
  return { admin: proxy.adminAddress as string, port: proxy.listeners()[0].port, over: proxy.quit, stop }
}
