import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, isTcp, type Seen } from '../case.ts'
import { PATIENCE_MS, type Place, send, sendBytes } from '../client.ts'
import { sendHttp2 } from '../client-http2.ts'
import { logIsThere } from '../compare.ts'
import type { PluginLog } from './plugin-log.ts'
import type { Services } from './services.ts'

const LOG_MS = 2_500
const AT_ONCE = 16

/** Runs cases against a proxy that runs; `placeOf` says where a case's listener is, or that it was refused. */
export async function runCases(
  cases: readonly Case[],
  placeOf: (one: Case, index: number) => Place | { readonly refused: string },
  services: Services,
  log: PluginLog,
  patienceMs = PATIENCE_MS,
): Promise<Map<string, Seen>> {
  const seen = new Map<string, Seen>()
  const work = cases.map((one, i) => ({ one, place: placeOf(one, i) }))
  const runners = Array.from({ length: AT_ONCE }, async () => {
    for (let next = work.shift(); next !== undefined; next = work.shift()) {
      seen.set(next.one.id, await runCase(next.one, next.place, services, log, patienceMs))
    }
  })
  await Promise.all(runners)
  for (const [id, its] of seen) its.log = log.of(id).slice(its.startLog.length)
  return seen
}

async function runCase(
  one: Case,
  place: Place | { readonly refused: string },
  services: Services,
  log: PluginLog,
  patienceMs: number,
): Promise<Seen> {
  const seen: Seen = { exchanges: [], startLog: log.of(one.id).slice(), log: [], refused: undefined }
  if ('refused' in place) return { ...seen, refused: place.refused }
  for (const exchange of one.exchanges ?? [{}]) {
    services.http.prepare(one.id, exchange.upstream ?? {})
    const speak = isTcp(one.kind) ? sendBytes : exchange.request?.http2 === true ? sendHttp2 : send
    const got = await speak(place, exchange, patienceMs)
    got.upstream = services.http.seen(one.id)
    seen.exchanges.push(got)
  }
  const late = Date.now() + LOG_MS
  while (!logIsThere(one, seen.startLog, log.of(one.id)) && Date.now() < late) await sleep(10)
  return seen
}
