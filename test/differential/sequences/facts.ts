/** What a sequence showed, as flat facts that can be compared one by one. */
import type { Seen, SeenExchange } from '../../conformance/proxy-wasm/case.ts'
import type { Sequence } from './sequence.ts'

/** What differs from run to run, or says nothing of the message. */
const VOLATILE = new Set(['date', 'connection', 'keep-alive', 'x-envoy-upstream-service-time'])

function factsOf(sequence: Sequence, { exchanges, log }: Seen): Map<string, string> {
  const facts = new Map<string, string>()
  for (const [i, exchange] of exchanges.entries()) {
    facts.set(`${i}.status`, String(exchange.status))
    addMessage(facts, `${i}.response`, exchange)
    // RFC 9112 6.1: Transfer-Encoding in an answer to HEAD is optional.
    if (sequence.exchanges[i]?.request.method === 'HEAD') {
      const kept = exchange.headers.filter(([name]) => name !== 'transfer-encoding')
      facts.set(`${i}.response.headers`, lines(kept))
    }
    const { upstream } = exchange
    facts.set(`${i}.upstream`, upstream === undefined ? 'none' : `${upstream.method} ${upstream.path}`)
    if (upstream !== undefined) addMessage(facts, `${i}.upstream`, upstream)
  }
  facts.set('log', told(log))
  return facts
}

/**
 * Once a body has been held, Envoy has a buffer for it, and gives an empty piece on whenever a filter before goes on: callbacks for nothing,
 * which do not come here.
 */
function told(log: readonly string[]): string {
  let empty = false
  const kept = log.filter((line) => {
    if (/^[AB] /.test(line)) empty = /_body 0 0$/.test(line)
    return !empty
  })
  return kept.map(said).join('\n')
}

/** A buffer that is not there: the specification has a status for it, Envoy an empty one (test/conformance, `BUFFER_ABSENT`). */
function said(line: string): string {
  return line
    .replace(/^get_buffer_bytes 1$/, 'get_buffer_bytes 0 ""')
    .replace(/^get_buffer_status 1$/, 'get_buffer_status 0 0 0')
    .replace(/^set_buffer_bytes 1$/, 'set_buffer_bytes 2')
}

function addMessage(
  facts: Map<string, string>,
  at: string,
  { headers, body, trailers }: Pick<SeenExchange, 'headers' | 'body' | 'trailers'>,
): void {
  facts.set(`${at}.headers`, lines(headers))
  facts.set(`${at}.trailers`, lines(trailers))
  facts.set(`${at}.body`, body)
}

/** RFC 9110 5.3: the order of different fields means nothing, and those of one name are one list. */
function lines(fields: readonly (readonly [string, string])[]): string {
  const names = new Set(fields.map(([name]) => name).filter((name) => !VOLATILE.has(name) && !name.startsWith(':')))
  return [...names]
    .sort()
    .map(
      (name) =>
        `${name}: ${fields
          .filter(([key]) => key === name)
          .map(([, value]) => value)
          .join(',')}`,
    )
    .join('\n')
}

/** The facts that differ: ours and theirs. */
export function differences(sequence: Sequence, ours: Seen, theirs: Seen): Map<string, readonly [string, string]> {
  const [a, b] = [factsOf(sequence, ours), factsOf(sequence, theirs)]
  const found = new Map<string, readonly [string, string]>()
  for (const fact of new Set([...a.keys(), ...b.keys()])) {
    const pair = [a.get(fact) ?? 'absent', b.get(fact) ?? 'absent'] as const
    if (pair[0] !== pair[1]) found.set(fact, pair)
  }
  return found
}
