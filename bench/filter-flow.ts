/**
 * Whole flows of real modules: context create, request headers, response headers, log, done, delete. Prints what a flow costs with
 * all limits on, and what of that is fuel: each module has a process of its own, in which an instance with fuel and one without take
 * turns (bench/paired.ts). Where the code of two instances comes to lie moves a flow by some per cent, so several processes are run.
 *
 * node bench/filter-flow.ts [--module part-of-a-name] [--processes 3]
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildExtension } from '../sdk/assemblyscript/build.ts'
import { compileModuleSync, type PluginConfig } from '../src/wasm/index.ts'
import { compareInTurn, type Paired } from './paired.ts'
import { REQUEST, RESPONSE, StubStream, startStub } from './wasm-stub.ts'

const FOLDER = fileURLToPath(new URL('../../shared/modules/', import.meta.url))
const REFERENCE: Readonly<Record<string, string>> = {
  'add-header.ts': '<= 1',
  'cpp-add-response-header.wasm': '<= 2, Envoy 4-8',
  'go-http-headers.wasm': '<= 20',
}
const CONFIG: Readonly<Record<string, Partial<PluginConfig>>> = {
  'go-http-headers.wasm': { configuration: '{"header":"x-a","value":"b"}' },
}

const { values } = parseArgs({
  options: { module: { type: 'string' }, processes: { type: 'string', default: '3' }, child: { type: 'string' } },
})

if (values.child !== undefined) await child(values.child)
else parent()

function parent(): void {
  const files = [fileURLToPath(new URL('./assembly/add-header.ts', import.meta.url))]
  if (existsSync(FOLDER)) for (const name of readdirSync(FOLDER)) if (name.endsWith('.wasm')) files.push(FOLDER + name)
  const rows: Record<string, unknown>[] = []
  const costs: number[] = []
  for (const file of files.filter((name) => name.includes(values.module ?? ''))) {
    const runs = Array.from({ length: Number(values.processes) }, () => run(file)).sort((x, y) => x.ratio - y.ratio)
    // Of an even number the worse: take an odd one.
    const middle = runs[runs.length >> 1]
    costs.push(middle.ratio)
    rows.push({
      module: basename(file),
      'us, limits on': microseconds(Math.min(...runs.map((r) => r.a))),
      'us, no fuel': microseconds(Math.min(...runs.map((r) => r.b))),
      'fuel costs': percent(middle.ratio),
      processes: `${percent(runs[0].ratio)} … ${percent(runs[runs.length - 1].ratio)}`,
      quartiles: middle.quartiles.map(percent).join(' … '),
      '95 % of the median': middle.interval.map(percent).join(' … '),
      'us, reference': REFERENCE[basename(file)] ?? '',
    })
  }
  console.table(rows)
  const sorted = costs.sort((x, y) => x - y)
  const half = costs.length / 2
  const median = (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2
  console.log(`fuel costs at the median of the ${costs.length} flows: ${percent(median)}`)
}

function run(file: string): Paired {
  const args = [fileURLToPath(import.meta.url), '--child', file]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }))
}

async function child(file: string): Promise<void> {
  const bytes = file.endsWith('.ts') ? await buildExtension(file) : readFileSync(file)
  const config = CONFIG[basename(file)]
  console.log(JSON.stringify(compareInTurn(flow(bytes, true, config), flow(bytes, false, config))))
}

function flow(bytes: Uint8Array, fuel: boolean, config: Partial<PluginConfig> = {}): () => void {
  const compiled = compileModuleSync(bytes, { fuel, logBurst: 1e9, logsPerSecond: 1e9 })
  const plugin = startStub(compiled, config)
  return () => {
    const stream = new StubStream(REQUEST.slice(), RESPONSE.slice())
    const context = plugin.createHttpContext(stream)
    context.onRequestHeaders(true)
    context.onResponseHeaders(true)
    context.end()
  }
}

function microseconds(ns: number): string {
  return (ns / 1000).toFixed(2)
}

function percent(ratio: number): string {
  return `${((ratio - 1) * 100).toFixed(1)} %`
}
