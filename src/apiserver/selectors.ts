/** Label and field selectors as query parameters carry them. */
import { badRequest } from './status.ts'

export type Predicate<T> = (value: T) => boolean

type Labels = Readonly<Record<string, string>>

const KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/

/** `a=b, a!=b, a in (x,y), a notin (x), a, !a`, joined with commas. `!=` and `notin` also match when the key is absent. */
export function parseLabelSelector(text: string): Predicate<Labels> | undefined {
  const parts = splitOutsideParentheses(text).map((part) => part.trim())
  if (parts.length === 1 && parts[0] === '') return undefined
  const tests = parts.map(parseRequirement)
  return (labels) => tests.every((test) => test(labels))
}

function parseRequirement(text: string): Predicate<Labels> {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text)
  if (set !== null) {
    const key = checkKey(set[1])
    const values = set[3].split(',').map((value) => checkValue(value.trim()))
    const within = set[2] === 'in'
    return (labels) => (Object.hasOwn(labels, key) && values.includes(labels[key])) === within
  }
  const equal = /^([^=!\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(text)
  if (equal !== null) {
    const key = checkKey(equal[1])
    const value = checkValue(equal[3])
    const same = equal[2] !== '!='
    return (labels) => (Object.hasOwn(labels, key) && labels[key] === value) === same
  }
  const compare = /^([^\s<>]+)\s*([<>])\s*(\d+)$/.exec(text)
  if (compare !== null) {
    const key = checkKey(compare[1])
    const bound = Number(compare[3])
    const above = compare[2] === '>'
    return (labels) => {
      if (!Object.hasOwn(labels, key) || !/^-?\d+$/.test(labels[key])) return false
      return above ? Number(labels[key]) > bound : Number(labels[key]) < bound
    }
  }
  if (text.startsWith('!')) {
    const key = checkKey(text.slice(1).trim())
    return (labels) => !Object.hasOwn(labels, key)
  }
  const key = checkKey(text)
  return (labels) => Object.hasOwn(labels, key)
}

function checkKey(key: string): string {
  if (!KEY.test(key)) throw badRequest(`unable to parse requirement: invalid label key ${JSON.stringify(key)}`)
  return key
}

function checkValue(value: string): string {
  if (!VALUE.test(value)) throw badRequest(`unable to parse requirement: invalid label value: ${JSON.stringify(value)}`)
  return value
}

function splitOutsideParentheses(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++
    else if (text[i] === ')') depth--
    else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(start, i))
      start = i + 1
    }
  }
  if (depth !== 0) throw badRequest(`unable to parse requirement: unbalanced parentheses in ${JSON.stringify(text)}`)
  parts.push(text.slice(start))
  return parts
}

export interface FieldRequirement {
  readonly field: string
  readonly value: string
  readonly equal: boolean
}

/** `=`, `==`, `!=`, joined with commas; `\,`, `\=` and `\\` are escapes (apimachinery fields.EscapeValue). */
export function parseFieldSelector(text: string): FieldRequirement[] {
  const requirements: FieldRequirement[] = []
  for (const part of splitEscaped(text)) {
    if (part.trim() === '') continue
    const found = /^\s*([^=!]+?)\s*(==|!=|=)((?:[^\\=,]|\\.)*)$/s.exec(part)
    if (found === null) throw badRequest(`invalid field selector: "${part}"; can't understand '${part}'`)
    requirements.push({ field: found[1], equal: found[2] !== '!=', value: found[3].replace(/\\([\\,=])/g, '$1') })
  }
  return requirements
}

function splitEscaped(text: string): string[] {
  const parts: string[] = []
  let part = ''
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') part += text[i] + (text[++i] ?? '')
    else if (text[i] === ',') {
      parts.push(part)
      part = ''
    } else part += text[i]
  }
  parts.push(part)
  return parts
}

/** A `metav1.LabelSelector` in an object (Deployment.spec.selector). An empty selector matches everything. */
export function matchesLabelSelector(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (labels[key] !== value) return false
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const has = Object.hasOwn(labels, key)
    if (operator === 'In' && !(has && values.includes(labels[key]))) return false
    if (operator === 'NotIn' && has && values.includes(labels[key])) return false
    if (operator === 'Exists' && !has) return false
    if (operator === 'DoesNotExist' && has) return false
  }
  return true
}

export interface LabelSelector {
  matchLabels?: Record<string, string>
  matchExpressions?: { key: string; operator: string; values?: string[] }[]
}

/** The text form of a `metav1.LabelSelector`, as Scale's status carries it. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  const parts = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`)
  for (const { key, operator, values = [] } of selector?.matchExpressions ?? []) {
    if (operator === 'Exists') parts.push(key)
    else if (operator === 'DoesNotExist') parts.push(`!${key}`)
    else parts.push(`${key} ${operator === 'In' ? 'in' : 'notin'} (${[...values].sort().join(',')})`)
  }
  return parts.sort().join(',')
}
