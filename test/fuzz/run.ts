/**
 * node test/fuzz/run.ts [target] [--runs N] [--seed N]
 *
 * Runs the fuzz targets for long; a finding is written to the target's corpus and printed.
 */
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'
import { HTTP1_TARGETS } from './http1-targets.ts'
import { HTTP2_TARGETS } from './http2-targets.ts'
import { LISTENER_TARGETS } from './listener-targets.ts'
import { WASM_TARGETS } from './wasm-targets.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '1000000' }, seed: { type: 'string', default: String(Date.now() | 0) } },
})
for (const target of [...HTTP1_TARGETS, ...HTTP2_TARGETS, ...LISTENER_TARGETS, ...WASM_TARGETS]) {
  if (positionals.length > 0 && !positionals.includes(target.name)) continue
  const start = performance.now()
  fuzz(target, Number(values.runs), Number(values.seed))
  console.log(
    `${target.name}: ${values.runs} runs, seed ${values.seed}, ${Math.round(performance.now() - start)} ms, nothing found`,
  )
}
