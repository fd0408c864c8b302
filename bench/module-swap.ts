/**
 * What a swap of a module of 2.5 MB does to a loaded data thread: failed requests, and the longest stall of its event loop, beside
 * the longest without a swap. The upstream runs in the proxy's process, on its main thread.
 *
 * node bench/module-swap.ts [--swaps 20] [--megabytes 2.5] [--module file.wasm] [--connections 8]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { Load } from '../test/e2e/load.ts'
import { median } from './lib/processes.ts'

const { values } = parseArgs({
  options: {
    swaps: { type: 'string', default: '20' },
    megabytes: { type: 'string', default: '2.5' },
    module: { type: 'string', default: '' },
    connections: { type: 'string', default: '8' },
  },
})
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const proxy = fork(file('swap/proxy.ts'), [values.module, values.megabytes], {
  execArgv: ['--import', pathToFileURL(file('swap/stall-probe.ts')).href],
  env: { ...process.env, SLUICE_LOG_LEVEL: 'error' },
})
const told = async <T>() => (await once(proxy, 'message'))[0] as T
const ask = (what: 'swap' | 'look') => {
  proxy.send(what)
  return told<{ ms: number; stall: number }>()
}
const { port } = await told<{ port: number }>()
const load = new Load(`http://127.0.0.1:${port}/`, Number(values.connections))
await sleep(5000)
await ask('look')
const [without, during, after, took]: number[][] = [[], [], [], []]
for (let i = 0; i < Number(values.swaps); i++) {
  await sleep(1000)
  without.push((await ask('look')).stall)
  const { ms, stall } = await ask('swap')
  took.push(ms)
  during.push(stall)
  await sleep(300)
  after.push((await ask('look')).stall)
}
const { statuses, requests } = await load.stop()
proxy.send('end')
const shown = (list: readonly number[]) =>
  `${median(list).toFixed(1)} ms median, ${Math.max(...list).toFixed(1)} ms greatest`
const failed = requests - (statuses.get(200) ?? 0)
console.log(
  `${took.length} swaps of ${values.module === '' ? `${values.megabytes} MB` : values.module}, from push to acknowledgement ${shown(took)}`,
)
console.log(`${requests} requests, ${failed} failed`)
console.log('longest stall of the data thread:')
console.log(`  in a second without a swap  ${shown(without)}`)
console.log(`  while a module is swapped   ${shown(during)}`)
console.log(`  in the 0.3 s after it       ${shown(after)}`)
