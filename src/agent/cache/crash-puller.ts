/** Pulls one module into a cache for ever, each time anew; the crash test kills it at any moment. Arguments: folder, URL. */
import { ModuleCache } from './module-cache.ts'

const [dir, url] = process.argv.slice(2)
const cache = await new ModuleCache({ dir, purgeIntervalMs: 0 }).open()
process.stdout.write('ready\n')
for (let i = 0; ; i++) {
  const request = {
    url,
    resourceName: 'crash',
    resourceVersion: String(i),
    pullPolicy: 'Always' as const,
    timeoutMs: 10_000,
  }
  const module = await cache.get(request).catch(() => undefined)
  module?.release()
}
