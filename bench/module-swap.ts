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
import type { Delays } from './lib/loop-delays.ts'
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
  return told<{ ms: number; stall: Delays }>()
}
const { port } = await told<{ port: number }>()
const load = new Load(`http://127.0.0.1:${port}/`, Number(values.connections))
await sleep(5000)
// With the first message of a BroadcastChannel Node loads code for 26 ms; the next answer is the first without.
await ask('look')
await sleep(200)
await ask('look')
const took: number[] = []
const [without, during, after]: Delays[][] = [[], [], []]
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
const row = (list: readonly Delays[]) => ({
  'stall, median': median(list.map(({ longest }) => longest.wall)).toFixed(1),
  greatest: Math.max(...list.map(({ longest }) => longest.wall)).toFixed(1),
  'of it waiting for a core': Math.max(...list.map(({ longest }) => longest.waited)).toFixed(1),
  'longest run, median': median(list.map(({ own }) => own.ran)).toFixed(1),
  'greatest run': Math.max(...list.map(({ own }) => own.ran)).toFixed(1),
})
console.log('longest stalls of the data thread, and its longest runs without a pause, in milliseconds:')
console.table({
  'in a second without a swap': row(without),
  'while a module is swapped': row(during),
  'in the 0.3 s after it': row(after),
})
