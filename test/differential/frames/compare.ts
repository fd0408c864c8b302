/** Trials on Envoy and on our proxy: what clients hear, what the upstream gets, what is logged and counted. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bootstrap, cluster, HTTP1_UPSTREAM, listener } from '../../conformance/bootstrap.ts'
import { freePorts } from '../../free-ports.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../../parity/proxies.ts'
import { type Book, Echo } from '../echo.ts'
import { adminOf } from '../filters/compare.ts'
import type { BothTold, Facts } from '../known-facts.ts'
import { TAG } from '../trial.ts'
import { play } from './client.ts'
import { log, OPERATORS } from './log.ts'
import type { Json, Trial } from './trial.ts'

const SETTLED_MS = 300
/** What a trial leaves is counted by then. */
const COUNTED_MS = 25
/** What is 0 is not told. */
const COUNTERS = /^(http2?\.\S+): ([1-9]\d*)$/gm

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

/** Ours, theirs. */
export async function compare(trials: readonly Trial[], envoy: string): Promise<BothTold[]> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-differential-'))
  const ports = await freePorts(trials.length * 2)
  try {
    const [ours, theirs] = await Promise.all([
      through(trials, join(dir, 'ours'), ports.splice(0, trials.length), startSluice),
      through(trials, join(dir, 'theirs'), ports.splice(0, trials.length), (config) => startEnvoy(envoy, config, dir)),
    ])
    return trials.map((_, i) => [ours[i], theirs[i]])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function through(
  trials: readonly Trial[],
  dir: string,
  ports: readonly number[],
  start: (config: unknown) => Promise<RunningProxy>,
): Promise<Facts[]> {
  mkdirSync(dir)
  const book: Book = new Map()
  const echo = new Echo('up', book)
  const upstream = await echo.listen()
  const listeners = trials.map(({ id, manager }, i) => {
    const tagged = { request_headers_to_add: [{ header: { key: TAG, value: id }, append_action: OVERWRITE }] }
    const routes = [{ match: { prefix: '/' }, route: { cluster: 'up' }, ...tagged }]
    const made = listener(id, routes, { access_log: [log(join(dir, id))], ...manager })
    return { ...(made as Json), address: address(ports[i]) }
  })
  const first = listener(FIRST.id, [{ match: { prefix: '/' }, route: { cluster: 'up' } }], FIRST.manager)
  let proxy: RunningProxy | undefined
  try {
    proxy = await start(bootstrap([...listeners, first], [cluster('up', upstream, HTTP1_UPSTREAM)]))
    await play(proxy.ports.get(FIRST.id) as number, FIRST)
    const admin = adminOf(proxy)
    const counted = async () =>
      new Map([...(await admin('/stats')).matchAll(COUNTERS)].map(([, name, value]) => [name, Number(value)]))
    const all: Map<string, string>[] = []
    let before = await counted()
    // One after the other: counters of HTTP/2 have no listener.
    for (const trial of trials) {
      const facts = await play(proxy.ports.get(trial.id) as number, trial)
      await sleep(COUNTED_MS)
      const after = await counted()
      for (const [name, value] of after) {
        const change = value - (before.get(name) ?? 0)
        if (name.startsWith('http2.') && change !== 0) facts.set(`stats.${name}`, String(change))
        const own = `http.${trial.id}.`
        if (name.startsWith(own)) facts.set(`stats.http.${name.slice(own.length)}`, String(value))
      }
      before = after
      all.push(facts)
    }
    await sleep(SETTLED_MS)
    for (const [i, { id }] of trials.entries()) {
      for (const { message } of book.get(id) ?? []) {
        const { start: line, headers, body, trailers, complete } = message
        const fields = headers.filter(([name]) => !VOLATILE.has(name)).map((field) => field.join('='))
        const text = [fields.sort().join(', '), `${body.length} bytes`, trailers.join(), complete ? '' : 'cut']
        all[i].set(`upstream ${line}`, text.filter((part) => part !== '').join(' | '))
      }
      const file = join(dir, id)
      const lines = existsSync(file) ? readFileSync(file, 'latin1').split('\n').slice(0, -1) : []
      const [malformed, requests] = [lines.filter(isMalformed), lines.filter((line) => !isMalformed(line))]
      if (malformed.length > 0) all[i].set('malformed', malformed.sort().join('; '))
      for (const [path, some] of Map.groupBy(requests.sort(), pathOf)) all[i].set(`log.${path}`, some.join('; '))
    }
    return all
  } finally {
    await proxy?.stop()
    echo.close()
  }
}

/** The first request of a proxy takes long, and is none to compare. */
const FIRST: Trial = {
  id: 'frames-first',
  manager: { codec_type: 'HTTP2' },
  settings: [],
  pieces: [
    {
      stream: 1,
      fields: [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
        [':authority', 'a.example'],
      ],
      form: 'plain',
      end: true,
    },
  ],
  slow: false,
}

/** It has neither path nor method. */
const isMalformed = (line: string) => line.startsWith('- - ')

/** Of a line of the log. */
function pathOf(line: string): string {
  return line.split(' ').slice(0, -OPERATORS.length).join(' ')
}

const OVERWRITE = 'OVERWRITE_IF_EXISTS_OR_ADD'
const VOLATILE = new Set([TAG, 'x-request-id', 'x-envoy-expected-rq-timeout-ms'])
