import { describe, it } from 'node:test'
import { fuzz } from './fuzz.ts'
import { WASM_TARGETS } from './wasm-targets.ts'

/** Few enough for every test run; `test/fuzz/run.ts` is for long ones. */
const RUNS: Readonly<Record<string, number>> = { 'wasm-modules': 5000 }

describe('fuzz', () => {
  for (const target of WASM_TARGETS) it(target.name, () => fuzz(target, RUNS[target.name] ?? 20_000, 20261121))
})
