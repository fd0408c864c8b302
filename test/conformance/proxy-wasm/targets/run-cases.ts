import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, type Exchange, isTcp, nthOf, type Seen, type SeenExchange } from '../case.ts'
import { PATIENCE_MS, type Place, send, sendBytes } from '../client.ts'
import { sendHttp2 } from '../client-http2.ts'
import { logIsThere } from '../compare.ts'
import type { PluginLog } from './plugin-log.ts'
import type { Services } from './services.ts'

const LOG_MS = 2_500
const AT_ONCE = 16
/** Between the beginnings of exchanges that overlap. */
const APART_MS = 120

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
  const exchanges = one.exchanges ?? [{}]
  const run = async (exchange: Exchange): Promise<SeenExchange> => {
    const nth = nthOf(exchange)
    services.http.prepare(one.id, nth, exchange.upstream ?? {})
    const speak = isTcp(one.kind) ? sendBytes : exchange.request?.http2 === true ? sendHttp2 : send
    const got = await speak(place, exchange, patienceMs)
    got.upstream = services.http.seen(one.id, nth)
    return got
  }
  if (one.overlapping === true) {
    const begun = exchanges.map((exchange, i) => sleep(i * APART_MS).then(() => run(exchange)))
    seen.exchanges.push(...(await Promise.all(begun)))
  } else for (const exchange of exchanges) seen.exchanges.push(await run(exchange))
  const late = Date.now() + LOG_MS
  while (!logIsThere(one, seen.startLog, log.of(one.id)) && Date.now() < late) await sleep(10)
  if (one.accessLog === true) await addLogged(one.id, exchanges, seen, services.accessLog)
  return seen
}

async function addLogged(
  id: string,
  exchanges: readonly Exchange[],
  { exchanges: seen }: Seen,
  file: string,
): Promise<void> {
  const late = Date.now() + LOG_MS
  for (;;) {
    const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n')
    for (const [i, exchange] of exchanges.entries()) {
      const head = `${id} ${nthOf(exchange)} `
      const line = lines.find((one) => one.startsWith(head))
      if (line !== undefined && seen[i] !== undefined) seen[i].logged = line.slice(head.length)
    }
    if (seen.every(({ logged }) => logged !== undefined) || Date.now() > late) return
    await sleep(20)
  }
}
