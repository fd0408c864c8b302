/**
 * Memory and time of many idle VM instances of one module.
 *
 * node bench/idle-vms.ts [count] [module]
 */
import { readFileSync } from 'node:fs'
import { compileModuleSync, type Plugin } from '../src/wasm/index.ts'
import { startStub } from './wasm-stub.ts'

const count = Number(process.argv[2] ?? 10_000)
const file = process.argv[3] ?? new URL('../../shared/modules/cpp-add-response-header.wasm', import.meta.url)
const compiled = compileModuleSync(readFileSync(file))
const plugins: Plugin[] = [startStub(compiled)]
const before = process.memoryUsage().rss
const times: number[] = []
for (let i = 1; i < count; i++) {
  const start = performance.now()
  plugins.push(startStub(compiled))
  times.push(performance.now() - start)
}
const grown = process.memoryUsage().rss - before
console.log(
  `${plugins.length} VMs: ${(grown / count / 1024).toFixed(1)} KiB each, ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB in all`,
)
const mean = times.reduce((sum, time) => sum + time, 0) / times.length
const last = times.slice(-200).sort((a, b) => a - b)
console.log(
  `one more takes ${last[last.length >> 1].toFixed(3)} ms to instantiate, start and configure (median of the last 200)`,
)
console.log(`${mean.toFixed(3)} ms each on average, with the garbage collection that so many live objects bring`)
