import { type CelInput, CelScalar, celEnv, celFunc, isCelError, parse, plan } from '@bufbuild/cel'
import { compilePattern } from '../pattern.ts'
import { checkNames, meterLoops } from './expression.ts'
import { LIBRARY } from './library.ts'
import type { Meter } from './meter.ts'

/** A compiled rule: gives the value, or the text of what went wrong. */
export type Program = (
  bindings: Readonly<Record<string, CelInput>>,
  meter: Meter,
) => { value: unknown } | { error: string }

/** The meter of the evaluation that is under way: evaluating is synchronous, and functions get no context. */
let current: Meter | undefined

const charge = celFunc('@charge', [CelScalar.DYN], CelScalar.DYN, (range) => {
  const { size } = range as { size?: unknown }
  if (typeof size === 'number') current?.charge(size)
  return range as never
})

const env = celEnv({ funcs: [...LIBRARY, charge], re2: { compile: compilePattern } })

const CACHED = 5_000
const programs = new Map<string, Program>()

/** Compiles a rule once. Throws when it does not parse, or names a function or variable that there is not. */
export function compileRule(rule: string): Program {
  let program = programs.get(rule)
  if (program === undefined) {
    program = compile(rule)
    if (programs.size >= CACHED) programs.clear()
    programs.set(rule, program)
  }
  return program
}

function compile(rule: string): Program {
  const { expr } = parse(rule)
  checkNames(expr, (name) => env.funcs.find(name) !== undefined)
  meterLoops(expr, '@charge')
  const evaluate = plan(env, expr)
  return (bindings, meter) => {
    const outer = current
    current = meter
    try {
      meter.charge(1)
      const result = evaluate(bindings as never)
      return isCelError(result) ? { error: result.message } : { value: result }
    } catch (error) {
      return { error: (error as Error).message }
    } finally {
      current = outer
    }
  }
}
