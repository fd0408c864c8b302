/** The JSONPath of printer columns and selectableFields: `.a.b`, `['a']`, `[0]`, `[*]`, `[?(@.type=="Ready")]`. */
import { deepEqual, type Json } from '../json.ts'

type Step = (value: Json) => Json[]

export type JsonPath = (value: unknown) => Json[]

const compiled = new Map<string, JsonPath>()

/** Throws on syntax outside the subset. */
export function jsonPath(text: string): JsonPath {
  let path = compiled.get(text)
  if (path === undefined) {
    const steps = parse(text)
    path = (value) => steps.reduce<Json[]>((values, step) => values.flatMap(step), [value as Json])
    compiled.set(text, path)
  }
  return path
}

const TOKEN =
  /\.\.|\.?\[(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\*)|(-?\d+)|\?\(\s*@((?:\.[\w$-]+|\['[^']*'\])*)\s*(?:(==|!=)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\w.-]+))?\s*\))\]|\.(\*)|\.((?:[\w$/-]|\\.)+)/gy

function parse(text: string): Step[] {
  let source = text.trim()
  if (source.startsWith('{') && source.endsWith('}')) source = source.slice(1, -1).trim()
  if (source.startsWith('$')) source = source.slice(1)
  if (source !== '' && !source.startsWith('.') && !source.startsWith('[')) source = `.${source}`
  const steps: Step[] = []
  // Its own position: the path of a filter is parsed while the outer one waits.
  const token = new RegExp(TOKEN)
  while (token.lastIndex < source.length) {
    const start = token.lastIndex
    if (source.slice(start) === '.') break
    const found = token.exec(source)
    if (found === null || found[0] === '..')
      throw new SyntaxError(`JSONPath ${JSON.stringify(text)}: cannot read ${source.slice(start)}`)
    steps.push(step(found))
  }
  return steps
}

function step(found: RegExpExecArray): Step {
  const [, single, double, star, number, filterPath, operator, literal, dotStar, name] = found
  if (star !== undefined || dotStar !== undefined) return children
  if (number !== undefined) return (value) => element(value, Number(number))
  if (filterPath !== undefined) return filter(filterPath, operator, literal)
  const key = (single ?? double ?? name).replace(/\\(.)/g, '$1')
  return (value) => member(value, key)
}

function children(value: Json): Json[] {
  if (Array.isArray(value)) return value
  return typeof value === 'object' && value !== null ? Object.values(value) : []
}

function element(value: Json, index: number): Json[] {
  if (!Array.isArray(value)) return []
  const item = value.at(index)
  return item === undefined ? [] : [item]
}

function member(value: Json, key: string): Json[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key)) return []
  return [value[key]]
}

function filter(path: string, operator: string | undefined, literal: string | undefined): Step {
  const steps = path === '' ? [] : parse(path)
  const find = (value: Json) => steps.reduce<Json[]>((values, next) => values.flatMap(next), [value])
  const wanted = literal === undefined ? undefined : parseLiteral(literal)
  return (value) =>
    children(value).filter((item) => {
      const found = find(item)
      if (wanted === undefined) return found.length > 0
      return found.some((one) => deepEqual(one, wanted)) === (operator === '==')
    })
}

function parseLiteral(text: string): Json {
  if (text.startsWith("'")) return text.slice(1, -1).replace(/\\(.)/g, '$1')
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
