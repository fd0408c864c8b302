/**
 * Swaps the module of an extension for its other version again and again, with a load generator running all the while.
 *
 *     node bench/module-supply.ts [swaps, default 10000] [connections, default 4]
 *
 * Prints p50 and p99 from the change of the object to the first response from the other module, and how many responses were not
 * 200 (or none at all).
 */
import { cpus } from 'node:os'
import { swapModules } from '../test/e2e/module-swaps.ts'

const count = Number(process.argv[2] ?? 10_000)
const connections = Number(process.argv[3] ?? 4)
const { statuses, requests, latenciesMs } = await swapModules(count, connections, (done) => {
  if (done % 100 === 0) process.stderr.write(`\r${done}/${count}`)
})
process.stderr.write('\r')
const sorted = latenciesMs.toSorted((a, b) => a - b)
const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))].toFixed(1)
console.log(`${count} swaps on ${cpus()[0].model} x ${cpus().length}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`)
console.log(`${requests} responses, ${requests - (statuses.get(200) ?? 0)} failed`)
for (const [status, n] of statuses) if (status !== 200) console.log(`  ${status === 0 ? 'no response' : status}: ${n}`)
