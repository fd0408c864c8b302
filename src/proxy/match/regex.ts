import type { RE2JS } from 're2js'
import type { RegexMatcher } from '../../../gen/envoy/type/matcher/v3/regex_pb.ts'
import { byteString } from '../../base/byte-string.ts'
import { compileRe2 } from '../../base/re2.ts'
import { messageOf } from '../../errors.ts'
import { invalid } from '../config/fields.ts'

/** A compiled expression. */
export interface Regex {
  /** The whole text must match, as everywhere in Envoy. */
  matches(text: string): boolean
  replaceAll(text: string, substitution: string): string
}

/**
 * Envoy's expressions are RE2's. RE2 syntax decides what is accepted; V8's own engine runs it where both mean the same and
 * V8 cannot run away (it is twenty times faster), else a pure RE2.
 */
export function compileRegex(pattern: string, path: string): Regex {
  let re2: RE2JS
  try {
    re2 = compileRe2(pattern)
  } catch (error) {
    throw invalid(path, `not a valid RE2 expression: ${messageOf(error)}`)
  }
  return linearInV8(pattern) ? new V8Regex(pattern) : new Re2Regex(re2)
}

/** For text; throws where the expression is missing or wrong. */
export function regexMatcher(matcher: RegexMatcher | undefined, path: string): Regex {
  if (matcher === undefined || matcher.regex === '') throw invalid(path, 'an expression is missing')
  return compileRegex(matcher.regex, `${path}.regex`)
}

/** For byte strings. Envoy's expressions mean bytes: one of text in UTF-8 matches that text, and a dot a byte. */
export function bytesRegex(matcher: RegexMatcher | undefined, path: string): Regex {
  return regexMatcher(matcher && { ...matcher, regex: byteString(matcher.regex) }, path)
}

/**
 * True for a plain subset: anchored at both ends by us and with at most one unbounded repetition (outside of which nothing can
 * be tried twice), no bounded ones, and only escapes that mean the same in both.
 */
function linearInV8(pattern: string): boolean {
  let unbounded = 0
  let depth = 0
  const quantifiable: boolean[] = []
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]
    if (c === '\\') {
      if (!/[dDwW.\\/\-+*?()[\]{}|^$]/.test(pattern[i + 1] ?? '')) return false
      i++
    } else if (c === '[') {
      const end = classEnd(pattern, i)
      if (end === -1) return false
      i = end
    } else if (c === '(') {
      if (pattern[i + 1] === '?' && pattern[i + 2] !== ':') return false
      depth++
      quantifiable.push(false)
      if (pattern[i + 1] === '?') i += 2
    } else if (c === ')') {
      depth--
      quantifiable.pop()
      // A repeated group may contain choices that overlap.
      if (/[*+{]/.test(pattern[i + 1] ?? '')) return false
    } else if (c === '*' || c === '+') {
      if (++unbounded > 1) return false
    } else if (c === '{' || c.charCodeAt(0) > 126) {
      return false
    }
  }
  return depth === 0
}

/** The offset of the `]` of a simple class; -1 for classes that RE2 and V8 read differently. */
function classEnd(pattern: string, start: number): number {
  let i = start + 1
  if (pattern[i] === '^') i++
  if (pattern[i] === ']' || pattern[i] === '[') return -1
  for (; i < pattern.length; i++) {
    if (pattern[i] === ']') return i
    if (pattern[i] === '[') return -1
    if (pattern[i] === '\\') {
      if (!/[dw.\\/\-+*?()[\]{}|^$]/.test(pattern[i + 1] ?? '')) return -1
      i++
    }
  }
  return -1
}

class V8Regex implements Regex {
  readonly #whole: RegExp
  readonly #all: RegExp
  readonly #groups: number

  constructor(pattern: string) {
    this.#whole = new RegExp(`^(?:${pattern})$`)
    this.#all = new RegExp(pattern, 'g')
    this.#groups = (new RegExp(`${pattern}|`).exec('')?.length ?? 1) - 1
  }

  matches(text: string): boolean {
    return this.#whole.test(text)
  }

  replaceAll(text: string, substitution: string): string {
    return highestGroup(substitution) > this.#groups ? text : text.replace(this.#all, replacer(substitution))
  }
}

class Re2Regex implements Regex {
  readonly #re2: RE2JS

  constructor(re2: RE2JS) {
    this.#re2 = re2
  }

  matches(text: string): boolean {
    return this.#re2.testExact(text)
  }

  replaceAll(text: string, substitution: string): string {
    const able = highestGroup(substitution) <= this.#re2.groupCount()
    return able ? this.#re2.matcher(text).replaceAll(replacer(substitution)) : text
  }
}

/** RE2 replaces nothing where a group is asked for that the expression does not have. */
function highestGroup(substitution: string): number {
  let highest = 0
  for (let i = 0; i < substitution.length - 1; i++) {
    if (substitution.charCodeAt(i) !== 92) continue
    const digit = substitution.charCodeAt(++i) - 48
    if (digit > highest && digit <= 9) highest = digit
  }
  return highest
}

/** What stands for each match. RE2 takes no empty one where the last one ended: `.*` is all of a text, and not its end once more. */
function replacer(substitution: string): (...match: unknown[]) => string {
  let lastEnd = -1
  return (...match) => {
    const text = match[0] as string
    const at = match.find((part) => typeof part === 'number') as number
    if (text === '' && at === lastEnd) return ''
    lastEnd = at + text.length
    return expand(substitution, match as (string | undefined)[])
  }
}

/** RE2's substitution: `\1` is a group, `\0` the whole, `\\` a backslash. */
function expand(substitution: string, groups: readonly (string | undefined)[]): string {
  return substitution.replace(/\\(\d|\\)/g, (_, c: string) => {
    const group = c === '\\' ? c : groups[Number(c)]
    return typeof group === 'string' ? group : ''
  })
}
