/** Answers through Envoy and through our proxy: what clients and logs show of them. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootstrap, cluster, listener } from '../../conformance/bootstrap.ts'
import { type RunningProxy, startEnvoy, startSluice } from '../../parity/proxies.ts'
import { type Facts, factsOf } from '../facts.ts'
import { fileLog, logged } from '../log.ts'
import { send } from '../send.ts'
import type { Request } from '../trial.ts'

/** What is never complete is given up then. */
const TIMEOUT = '0.5s'
const AT_ONCE = 24

export type Told = readonly [ours: Facts, theirs: Facts]

/** An upstream that knows by a request's tag what to send. */
export interface Upstream {
  readonly asked: ReadonlyMap<string, number>
  listen(): Promise<number>
  close(): void
}

export interface Kind<A> {
  upstream(answers: ReadonlyMap<string, A>): Upstream
  /** What the client sends. */
  request(answer: A, tag: string): Request
  /** Of the cluster. */
  readonly options: object
}

/** What each answer showed on either. */
export async function compare<A>(kind: Kind<A>, answers: readonly A[], envoy: string): Promise<Told[]> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-answers-'))
  try {
    const place = (name: string) => {
      mkdirSync(join(dir, name))
      return join(dir, name)
    }
    const ours = await through(kind, answers, startSluice, place('sluice'))
    const theirs = await through(kind, answers, (config) => startEnvoy(envoy, config, place('envoy')), dir)
    return answers.map((_, i) => [ours[i], theirs[i]])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function through<A>(
  kind: Kind<A>,
  answers: readonly A[],
  start: (config: unknown) => Promise<RunningProxy>,
  dir: string,
): Promise<Facts[]> {
  const tagged = new Map(answers.map((answer, i) => [tagOf(i), answer]))
  const liar = kind.upstream(tagged)
  const upstream = await liar.listen()
  const log = join(dir, 'access.log')
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'up', timeout: TIMEOUT } }]
  const fields = {
    http_protocol_options: { accept_http_10: true, enable_trailers: true },
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    access_log: [fileLog(log)],
  }
  let proxy: RunningProxy | undefined
  try {
    proxy = await start(
      bootstrap(
        [listener('web', routes, fields)],
        [cluster('up', upstream, { ...kind.options, circuit_breakers: MANY })],
      ),
    )
    const port = proxy.ports.get('web') as number
    const seen = new Map<string, Awaited<ReturnType<typeof send>>>()
    const waiting = [...tagged]
    const next = async () => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
        const [tag, answer] = item
        seen.set(tag, await send(port, kind.request(answer, tag), tag))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
    const lines = await logged(log)
    const masks = { port, upstream: [upstream], own: [], name: 'answer-' }
    return [...tagged.keys()].map((tag) => {
      const facts = new Map(factsOf(seen.get(tag), [], lines.get(tag) ?? [], masks))
      facts.set('upstream.asked', String(liar.asked.get(tag) ?? 0))
      return facts
    })
  } finally {
    await proxy?.stop()
    liar.close()
  }
}

const MANY = { thresholds: [{ max_connections: 10_000, max_pending_requests: 10_000, max_requests: 10_000 }] }

function tagOf(index: number): string {
  return `answer-${index};`
}
