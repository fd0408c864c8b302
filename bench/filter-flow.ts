/**
 * Whole flows of real modules: context create, request headers, response headers, log, done, delete. Prints what a flow costs with
 * all limits on, what of that is fuel, and how many times as long it takes as on a host that does nothing for anybody's safety
 * (bench/raw-host.ts): each module has a process of its own, in which two instances take turns (bench/paired.ts).
 * Where the code of two instances comes to lie moves a flow by some per cent, so several processes are run.
 *
 * node bench/filter-flow.ts [--module part-of-a-name] [--processes 3]
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildExtension } from '../sdk/assemblyscript/build.ts'
import { compileModuleSync } from '../src/wasm/index.ts'
import { compareInTurn, type Paired } from './paired.ts'
import { REQUEST, RESPONSE, StubStream, startStub } from './wasm-stub.ts'

const FOLDER = fileURLToPath(new URL('../../shared/modules/', import.meta.url))
const REFERENCE: Readonly<Record<string, string>> = {
  'add-header.ts': '<= 1',
  'cpp-add-response-header.wasm': '<= 2, Envoy 4-8',
  'go-http-headers.wasm': '<= 20',
}
const CONFIGURATION: Readonly<Record<string, string>> = {
  'go-http-headers.wasm': '{"header":"x-a","value":"b"}',
}

/** What one process found. */
interface Run {
  /** With fuel beside without. */
  readonly fuel: Paired
  /** With fuel beside the raw host. */
  readonly raw: Paired
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
    const all = Array.from({ length: Number(values.processes) }, () => run(file))
    const runs = all.map(({ fuel }) => fuel).sort((x, y) => x.ratio - y.ratio)
    const raws = all.map(({ raw }) => raw).sort((x, y) => x.ratio - y.ratio)
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
      'x raw host': raws[raws.length >> 1].ratio.toFixed(2),
      'raw processes': `${raws[0].ratio.toFixed(2)} … ${raws[raws.length - 1].ratio.toFixed(2)}`,
      'us, reference': REFERENCE[basename(file)] ?? '',
    })
  }
  console.table(rows)
  const sorted = costs.sort((x, y) => x - y)
  const half = costs.length / 2
  const median = (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2
  console.log(`fuel costs at the median of the ${costs.length} flows: ${percent(median)}`)
}

function run(file: string): Run {
  const args = ['--disable-warning=ExperimentalWarning', fileURLToPath(import.meta.url), '--child', file]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }))
}

async function child(file: string): Promise<void> {
  const bytes = file.endsWith('.ts') ? await buildExtension(file) : readFileSync(file)
  const configuration = CONFIGURATION[basename(file)] ?? ''
  // Here alone: node:wasi warns whoever loads it.
  const { rawFlow } = await import('./raw-host.ts')
  const ours = flow(bytes, true, configuration)
  const fuel = compareInTurn(ours, flow(bytes, false, configuration))
  const raw = compareInTurn(ours, rawFlow(bytes, configuration, REQUEST, RESPONSE))
  console.log(JSON.stringify({ fuel, raw } satisfies Run))
}

function flow(bytes: Uint8Array, fuel: boolean, configuration: string): () => void {
  const compiled = compileModuleSync(bytes, { fuel, logBurst: 1e9, logsPerSecond: 1e9 })
  const plugin = startStub(compiled, { configuration })
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
