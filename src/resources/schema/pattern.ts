import { RE2JS } from 're2js'

export interface Pattern {
  /** Whether the pattern is found anywhere in the text. */
  test(text: string): boolean
}

const CACHED = 2_000
const patterns = new Map<string, Pattern>()

/** Go's dialect, and its linear time: a pattern of somebody's CRD cannot hang the server. Throws when it does not parse. */
export function compilePattern(pattern: string): Pattern {
  let compiled = patterns.get(pattern)
  if (compiled === undefined) {
    const regex = RE2JS.compile(pattern)
    compiled = { test: (text) => regex.matcher(text).find() }
    if (patterns.size >= CACHED) patterns.clear()
    patterns.set(pattern, compiled)
  }
  return compiled
}

/** The first match, or ''. */
export function findFirst(pattern: string, text: string): string {
  const matcher = RE2JS.compile(pattern).matcher(text)
  return matcher.find() ? (matcher.group() ?? '') : ''
}

export function findAll(pattern: string, text: string): string[] {
  const matcher = RE2JS.compile(pattern).matcher(text)
  const found: string[] = []
  while (matcher.find()) found.push(matcher.group() ?? '')
  return found
}
