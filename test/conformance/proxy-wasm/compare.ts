import type { Case, Exchange, Expected, ExpectedMessage, Seen, SeenExchange } from './case.ts'

/** Says in lines what a target did otherwise than the case expects; empty when all is well. */
export function compare(one: Case, seen: Seen): string[] {
  if (one.refused !== undefined)
    return seen.refused === undefined ? ['the plugin was accepted, and must be refused'] : []
  if (seen.refused !== undefined) return [`the plugin was refused: ${seen.refused}`]
  const wrong: string[] = []
  for (const [i, exchange] of (one.exchanges ?? [{}]).entries()) {
    const got = seen.exchanges[i]
    if (got === undefined) wrong.push(`exchange ${i + 1} did not happen`)
    else for (const line of compareExchange(exchange, got)) wrong.push(`exchange ${i + 1}: ${line}`)
  }
  if (one.startLog !== undefined) wrong.push(...compareStart(one.startLog, seen.startLog))
  if (one.log !== undefined) wrong.push(...compareLog(one.log, seen.log))
  if (one.logIncludes !== undefined) wrong.push(...compareIncluded(one.logIncludes, [...seen.startLog, ...seen.log]))
  return wrong
}

/** All lines that a case waits for have come. */
export function logIsThere(one: Case, startLog: readonly string[], all: readonly string[]): boolean {
  if (one.log !== undefined) return all.length >= startLog.length + one.log.length
  return one.logIncludes === undefined || compareIncluded(one.logIncludes, all).length === 0
}

function compareExchange({ expect = {} }: Exchange, got: SeenExchange): string[] {
  const wrong: string[] = []
  const status = expect.status ?? 200
  if (got.status !== status) wrong.push(`status ${got.status}, expected ${status}`)
  if (expect.logged !== undefined && expect.logged !== got.logged) wrong.push(`logged as «${got.logged}»`)
  if (expect.response !== undefined) wrong.push(...compareMessage('response', expect.response, got))
  if (expect.upstream === null && got.upstream !== undefined) wrong.push('the upstream was reached')
  if (expect.upstream != null) {
    const { method, path } = expect.upstream
    if (got.upstream === undefined) return [...wrong, 'the upstream was not reached']
    if (method !== undefined && method !== got.upstream.method) wrong.push(`upstream method ${got.upstream.method}`)
    if (path !== undefined && path !== got.upstream.path) wrong.push(`upstream path ${got.upstream.path}`)
    wrong.push(...compareMessage('upstream', expect.upstream, got.upstream))
  }
  return wrong
}

type GotMessage = Pick<SeenExchange, 'headers' | 'body' | 'trailers'>

function compareMessage(what: string, expected: ExpectedMessage, got: GotMessage): string[] {
  const wrong: string[] = []
  for (const part of ['headers', 'trailers'] as const) {
    for (const [name, value] of Object.entries(expected[part] ?? {})) {
      const values = got[part].filter(([key]) => key === name).map(([, v]) => v)
      if (value === null ? values.length > 0 : !matches(value, values.join(' | '))) {
        wrong.push(
          `${what} ${part} ${name}: «${values.join(' | ')}», expected ${value === null ? 'none' : String(value)}`,
        )
      }
    }
  }
  if (expected.body !== undefined && !matches(expected.body, got.body)) {
    wrong.push(`${what} body «${clip(got.body)}», expected ${clip(String(expected.body))}`)
  }
  return wrong
}

function compareLog(expected: readonly Expected[], got: readonly string[]): string[] {
  const same = expected.length === got.length && expected.every((line, i) => matches(line, got[i]))
  return same ? [] : [`log:\n${list(got)}\n  expected:\n${list(expected)}`]
}

/** Envoy starts each plugin on a throw-away VM, on the main thread and on every worker. */
function compareStart(expected: readonly Expected[], got: readonly string[]): string[] {
  const times = Math.max(1, Math.round(got.length / Math.max(1, expected.length)))
  return compareLog(Array.from({ length: times }, () => expected).flat(), got)
}

function compareIncluded(expected: readonly Expected[], got: readonly string[]): string[] {
  let at = 0
  for (const line of got) if (at < expected.length && matches(expected[at], line)) at++
  return at === expected.length ? [] : [`log:\n${list(got)}\n  lacks: ${String(expected[at])}`]
}

function matches(expected: Expected, got: string): boolean {
  return typeof expected === 'string' ? expected === got : expected.test(got)
}

function list(lines: readonly Expected[]): string {
  return lines.map((line) => `    ${clip(String(line))}`).join('\n')
}

function clip(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length})` : text
}
