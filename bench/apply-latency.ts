/**
 * From `kubectl apply` returning to the first 401, and from `kubectl delete` returning to the first 200, with a load generator
 * running all the while.
 *
 *     node bench/apply-latency.ts [rounds, default 200] [connections, default 4]
 *
 * Prints p50 and p99 of both and the number of responses that were neither 200 nor 401 (or no response at all). A latency of 0 ms
 * means that the change was enforced before kubectl had returned.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BASIC_AUTH } from '../test/e2e/basic-auth.ts'
import { Instance } from '../test/e2e/instance.ts'
import { Load } from '../test/e2e/load.ts'

const rounds = Number(process.argv[2] ?? 200)
const connections = Number(process.argv[3] ?? 4)

await using instance = await Instance.start()
const file = join(instance.home, 'basic-auth.yaml')
writeFileSync(file, BASIC_AUTH)
const load = new Load(`http://127.0.0.1:${instance.ports['http']}/productpage`, connections)

/** Runs a command; tells how long after its return the status was seen first. */
async function until(status: number, command: string): Promise<number> {
  const seen = load.first(status)
  const result = await instance.shell(command)
  const returned = performance.now()
  if (result.code !== 0) throw new Error(`${command}: ${result.stderr}`)
  return Math.max(0, (await seen) - returned)
}

const applied: number[] = []
const deleted: number[] = []
for (let round = 0; round < rounds; round += 2) {
  applied.push(await until(401, `kubectl apply -f ${file}`))
  deleted.push(await until(200, `kubectl delete -f ${file}`))
  if (round % 20 === 0) process.stderr.write(`\r${round}/${rounds}`)
}
process.stderr.write('\r')
const { statuses, requests } = await load.stop()
const bad = [...statuses].filter(([status]) => status !== 200 && status !== 401)

console.log(`apply to first 401:  ${percentiles(applied)}`)
console.log(`delete to first 200: ${percentiles(deleted)}`)
console.log(`${requests} responses, ${bad.reduce((sum, [, count]) => sum + count, 0)} neither 200 nor 401`)
for (const [status, count] of bad) console.log(`  ${status === 0 ? 'no response' : status}: ${count}`)

function percentiles(samples: number[]): string {
  const sorted = samples.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))].toFixed(1)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, n=${sorted.length}`
}
