import { messageOf } from '../../../errors.ts'
import { invalid } from '../../config/fields.ts'
import type { StreamInfo } from '../stream-info.ts'
import { operatorJson } from './json-text.ts'
import type { CompileOperator, Operator } from './operator.ts'

/** `%COALESCE({"operators": [...]})%`: the first of several operators that has a value. */
export function coalesce(argument: string | undefined, path: string, compile: CompileOperator): Operator {
  const operators = entries(argument, path).map((entry, i) => compileEntry(entry, `${path}: operator ${i}`, compile))
  const first: Operator = (info) => {
    for (const operator of operators) {
      const value = operator(info)
      if (value !== undefined) return value
    }
    return undefined
  }
  const json = (info: StreamInfo, max?: number) => {
    for (const operator of operators) {
      const value = operator.json === undefined ? operatorJson(operator(info), max) : operator.json(info, max)
      if (value !== undefined) return value
    }
    return undefined
  }
  return Object.assign(first, { json })
}

function entries(argument: string | undefined, path: string): readonly unknown[] {
  let config: unknown
  try {
    config = JSON.parse(argument ?? '')
  } catch (error) {
    throw invalid(path, `COALESCE takes JSON: ${messageOf(error)}`)
  }
  const operators =
    typeof config === 'object' && config !== null && 'operators' in config ? config.operators : undefined
  if (!Array.isArray(operators) || operators.length === 0)
    throw invalid(path, 'COALESCE needs "operators", a list of at least one')
  return operators
}

function compileEntry(entry: unknown, path: string, compile: CompileOperator): Operator {
  if (typeof entry === 'string') return compile(entry, undefined, undefined)
  if (typeof entry !== 'object' || entry === null) throw invalid(path, 'is neither a name nor an object')
  const { command, param, max_length: limit } = entry as Readonly<Record<string, unknown>>
  if (typeof command !== 'string') throw invalid(path, 'has no "command"')
  if (param !== undefined && typeof param !== 'string') throw invalid(path, '"param" is not a text')
  if (limit !== undefined && !(Number.isInteger(limit) && (limit as number) > 0))
    throw invalid(path, '"max_length" is not a positive number')
  return compile(command, param || undefined, limit as number | undefined)
}
