/** What a case showed, as flat facts that can be compared one by one. */
import type { Case, Expectation, Expected } from './case.ts'
import type { Seen } from './client.ts'
import { completeness, type Message } from './message.ts'
import type { Received } from './script.ts'

export type Facts = ReadonlyMap<string, string>

export interface StepSeen {
  readonly client: Seen
  readonly upstream: readonly Received[]
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
/** Their values differ from run to run; that they are there does not. */
const VOLATILE = new Set(['date', 'x-envoy-upstream-service-time', 'x-envoy-expected-rq-timeout-ms'])

export function factsOf(
  one: Case,
  steps: readonly StepSeen[],
  log: readonly string[],
  stats: string,
  mask: (text: string) => string,
): Facts {
  const facts = new Map<string, string>()
  // Ids first: a port may stand in one by chance.
  const put = (key: string, value: string) => facts.set(key, mask(value.replace(UUID, '<uuid>')))
  for (const [i, { client, upstream }] of steps.entries()) {
    for (const [j, message] of client.responses.entries()) addMessage(put, `${i}.response${j === 0 ? '' : j}`, message)
    // Envoy closes with a delay: that it has closed is looked at where a case waits for it.
    if (one.steps[i].expect.closed !== undefined) put(`${i}.closed`, String(client.closed))
    put(`${i}.rest`, client.rest)
    put(`${i}.upstream.count`, String(upstream.length))
    for (const [j, { host, message }] of upstream.entries()) {
      put(`${i}.upstream${j === 0 ? '' : j}.host`, host)
      addMessage(put, `${i}.upstream${j === 0 ? '' : j}`, message)
    }
  }
  // Requests that are sent at once end in any order.
  const lines = one.steps.some(({ beside }) => beside !== undefined) ? [...log].sort() : log
  for (const [i, line] of lines.entries()) put(`log.${i}`, line)
  for (const prefix of Object.keys(one.stats ?? {})) {
    for (const [, name, value] of stats.matchAll(/^(\S+): (\d+)$/gm)) {
      if (name.startsWith(prefix)) put(`stats.${name}`, value)
    }
  }
  return facts
}

function addMessage(put: (key: string, value: string) => void, at: string, message: Message): void {
  put(`${at}.start`, message.start)
  put(`${at}.body`, message.body)
  put(`${at}.complete`, completeness(message))
  if (message.spelt !== '') put(`${at}.spelt`, message.spelt)
  for (const [kind, list] of [
    ['headers', message.headers],
    ['trailers', message.trailers],
  ] as const) {
    const byName = Map.groupBy(list, ([name]) => name)
    for (const [name, all] of byName) {
      put(`${at}.${kind}.${name}`, VOLATILE.has(name) ? '<volatile>' : all.map(([, value]) => value).join(' | '))
    }
  }
}

/** The facts that differ, as `fact: ours ≠ theirs`. */
export function compareFacts(ours: Facts, theirs: Facts): Map<string, string> {
  const differences = new Map<string, string>()
  for (const key of new Set([...theirs.keys(), ...ours.keys()])) {
    const [a, b] = [ours.get(key), theirs.get(key)]
    if (a !== b) differences.set(key, `${shown(a)} ≠ ${shown(b)}`)
  }
  return differences
}

function shown(value: string | undefined): string {
  return value === undefined ? 'absent' : JSON.stringify(value.length > 600 ? `${value.slice(0, 600)}…` : value)
}

/** Where the facts are not as the case expects. */
export function unexpected(one: Case, facts: Facts): Map<string, string> {
  const wrong = new Map<string, string>()
  const check = (key: string, expected: Expected | undefined) => {
    if (expected === undefined) return
    const value = facts.get(key)
    if (!matches(value, expected)) wrong.set(key, `${shown(value)}, expected ${JSON.stringify(expected)}`)
  }
  for (const [i, { expect }] of one.steps.entries()) checkStep(check, wrong, facts, expect, i)
  for (const [i, expected] of (one.logged ?? []).entries()) check(`log.${i}`, expected)
  for (const [prefix, values] of Object.entries(one.stats ?? {})) {
    for (const [name, value] of Object.entries(values)) check(`stats.${prefix}${name}`, value)
  }
  return wrong
}

function checkStep(
  check: (key: string, expected: Expected | undefined) => void,
  wrong: Map<string, string>,
  facts: Facts,
  expect: Expectation,
  i: number,
): void {
  if (expect.status !== undefined) {
    const statuses: number[] = []
    for (let j = 0; ; j++) {
      const start = facts.get(`${i}.response${j === 0 ? '' : j}.start`)
      if (start === undefined) break
      statuses.push(Number(start.split(' ')[1]))
    }
    if (statuses.join() !== String(expect.status)) {
      wrong.set(`${i}.response.start`, `status ${statuses.join()}, expected ${expect.status}`)
    }
  }
  for (const [name, value] of Object.entries(expect.headers ?? {})) check(`${i}.response.headers.${name}`, value)
  for (const [name, value] of Object.entries(expect.trailers ?? {})) check(`${i}.response.trailers.${name}`, value)
  check(`${i}.response.body`, expect.body)
  check(`${i}.response.start`, expect.start)
  check(`${i}.response.spelt`, expect.spelt)
  if (expect.closed !== undefined) check(`${i}.closed`, String(expect.closed))
  const { upstream } = expect
  if (upstream === undefined) return
  check(`${i}.upstream.count`, String(upstream === null ? 0 : (upstream.count ?? 1)))
  if (upstream === null) return
  check(`${i}.upstream.host`, upstream.host)
  check(`${i}.upstream.start`, upstream.start)
  check(`${i}.upstream.body`, upstream.body)
  check(`${i}.upstream.spelt`, upstream.spelt)
  for (const [name, value] of Object.entries(upstream.headers ?? {})) check(`${i}.upstream.headers.${name}`, value)
  for (const [name, value] of Object.entries(upstream.trailers ?? {})) check(`${i}.upstream.trailers.${name}`, value)
}

function matches(value: string | undefined, expected: Expected): boolean {
  if (expected === null) return value === undefined
  const text = String(expected)
  if (text.length > 1 && text.startsWith('/') && text.endsWith('/') && text !== '//') {
    return value !== undefined && new RegExp(text.slice(1, -1)).test(value)
  }
  return value === text
}
