/** What a request showed, as flat facts; only what may rightly differ from run to run is masked. */
import type { Seen as Answer } from '../parity/client.ts'
import { completeness, type Message } from '../parity/message.ts'
import type { Seen } from './echo.ts'

export type Facts = ReadonlyMap<string, string>

export interface Masks {
  readonly port: number
  readonly upstream: readonly number[]
  /** Addresses of this machine. */
  readonly own: readonly string[]
  readonly name: string
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const VOLATILE = new Set(['date', 'x-envoy-upstream-service-time', 'x-envoy-expected-rq-timeout-ms'])

export function factsOf(
  answer: Answer | undefined,
  upstream: readonly Seen[],
  log: readonly string[],
  masks: Masks,
): Facts {
  const facts = new Map<string, string>()
  const put = (key: string, value: string) => facts.set(key, masked(value, masks))
  const finals = (answer?.responses ?? []).filter(({ start }) => !/ 1\d\d /.test(start))
  put('response.count', String(finals.length))
  for (const [i, message] of finals.entries()) addMessage(put, i === 0 ? 'response' : `response${i}`, message)
  put('rest', answer?.rest ?? '')
  put('upstream.count', String(upstream.length))
  for (const [i, { host, message }] of upstream.entries()) {
    const at = i === 0 ? 'upstream' : `upstream${i}`
    put(`${at}.host`, host)
    addMessage(put, at, message)
  }
  for (const [i, line] of log.entries()) put(`log.${i}`, line)
  return facts
}

function masked(value: string, { port, upstream, own, name }: Masks): string {
  // Ids first: a port may stand in one by chance.
  let text = value.replace(UUID, '<uuid>').replaceAll(name, '<name>')
  text = text.replaceAll(String(port), '<port>')
  for (const address of own) text = text.replaceAll(address, '127.0.0.1')
  for (const [i, one] of upstream.entries()) text = text.replaceAll(String(one), `<upstream${i}>`)
  return text
}

function addMessage(put: (key: string, value: string) => void, at: string, message: Message): void {
  put(`${at}.start`, message.start)
  put(`${at}.body`, message.body)
  put(`${at}.complete`, completeness(message))
  if (message.spelt !== '') put(`${at}.spelt`, message.spelt)
  addFields(put, `${at}.headers`, message.headers)
  addFields(put, `${at}.trailers`, message.trailers)
}

function addFields(put: (key: string, value: string) => void, at: string, fields: Message['headers']): void {
  for (const [name, all] of Map.groupBy(fields, ([name]) => name)) {
    const values = all.map(([, value]) => value).join(' | ')
    put(`${at}.${name}`, VOLATILE.has(name) ? '<volatile>' : values)
  }
}
