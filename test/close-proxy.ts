import type { ProxyHandle } from '../src/proxy/index.ts'
import { within } from './within.ts'

/** Closes a proxy of this process. One whose threads do not end is told, and they are ended: they would keep the process. */
export async function closeProxy(proxy: ProxyHandle, drainMs = 0): Promise<void> {
  const closing = proxy.close(drainMs)
  try {
    await within('our proxy to close', closing)
  } catch (error) {
    for (let index = 0; index <= proxy.workers.size; index++) await proxy.workers.kill(index)
    await closing
    throw error
  }
}
