/** Trials on Envoy and on our proxy, each with upstreams of its own. */
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bootstrap, cluster, listener } from '../../conformance/bootstrap.ts'
import { freePorts } from '../../free-ports.ts'
import { type RunningProxy, startEnvoy } from '../../parity/proxies.ts'
import { within } from '../../within.ts'
import { adminOf, byDiscovery, startOurs } from '../filters/compare.ts'
import type { BothTold, Facts } from '../known-facts.ts'
import { refusals } from '../refusals.ts'
import { act, type Told } from './actor.ts'
import { SocketEnd, StreamEnd } from './ends.ts'
import { ROUTER } from './filters.ts'
import { log, NUMBER } from './log.ts'
import type { Client, Json, Step, Trial } from './trial.ts'
import { Upstream } from './upstream.ts'

const AT_ONCE = 30
const SETTLED_MS = 500
/** What is 0 is not told. */
const COUNTED = /^(?:http|cluster)\.\S+: [1-9]\d*$/gm

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

/** Ours, theirs. */
export async function compare(trials: readonly Trial[], envoy: string): Promise<BothTold[]> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-differential-'))
  const ports = await freePorts(trials.length * 2)
  const [we, they] = ['ours', 'theirs'].map((name) => new Side(trials, join(dir, name), ports))
  try {
    const theirs = await startEnvoy(envoy, byDiscovery(await they.bootstrap(), join(dir, 'lds.json')), dir)
    try {
      const ours = await startOurs(await we.bootstrap())
      try {
        const told = await Promise.all([
          we.run(ours.proxy, ours.refused),
          they.run(theirs, await refusals(adminOf(theirs))),
        ])
        return trials.map((_, i) => [told[0][i], told[1][i]])
      } finally {
        await ours.proxy.stop()
      }
    } finally {
      await theirs.stop()
    }
  } finally {
    for (const side of [we, they]) side.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

class Side {
  readonly #trials: readonly Trial[]
  readonly #dir: string
  readonly #ports: number[]
  readonly #upstreams = new Map<string, Upstream>()

  constructor(trials: readonly Trial[], dir: string, ports: number[]) {
    this.#trials = trials
    this.#dir = dir
    this.#ports = ports
    mkdirSync(dir)
  }

  async bootstrap(): Promise<unknown> {
    const [listeners, clusters]: unknown[][] = [[], []]
    for (const trial of this.#trials) {
      const { id } = trial
      const upstream = await new Upstream(trial.upstream).start()
      this.#upstreams.set(id, upstream)
      clusters.push(cluster(`${id}-up`, upstream.port, trial.cluster))
      const { match, route } = trial.route
      const fields = {
        access_log: [log(join(this.#dir, id))],
        http_filters: [...trial.filters, ROUTER],
        ...trial.manager,
      }
      const made = listener(id, [{ match, route: { cluster: `${id}-up`, ...route } }], fields) as Json
      listeners.push({ ...made, address: address(this.#ports.pop() as number), ...trial.listener })
    }
    return bootstrap(listeners, clusters)
  }

  async run(proxy: RunningProxy, refused: ReadonlyMap<string, string>): Promise<Facts[]> {
    const seen = new Map<string, Told[]>()
    const waiting = this.#trials.filter(({ id }) => proxy.ports.has(id))
    const next = async () => {
      for (let trial = waiting.shift(); trial !== undefined; trial = waiting.shift()) {
        const told: Told[] = []
        for (const [n, client] of trial.clients.entries())
          told.push(await converse(proxy.ports.get(trial.id) as number, client, n))
        seen.set(trial.id, told)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
    await sleep(SETTLED_MS)
    const stats = (await adminOf(proxy)('/stats')).match(COUNTED) ?? []
    return Promise.all(
      this.#trials.map(async ({ id }) => {
        const told = seen.get(id)
        if (told === undefined) return new Map([['refused', refused.get(id) ?? 'for no reason']])
        return this.#facts(id, told, stats)
      }),
    )
  }

  async #facts(id: string, clients: readonly Told[], stats: readonly string[]): Promise<Facts> {
    const upstream = this.#upstreams.get(id) as Upstream
    const facts = new Map<string, string>()
    const put = (who: string, all: readonly Told[]) => {
      for (const [i, told] of all.entries()) {
        for (const [fact, value] of told) facts.set(`${who}.${i}.${fact}`, value)
      }
    }
    put('client', clients)
    put('upstream', await Promise.all(upstream.told))
    const file = join(this.#dir, id)
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
    for (const [client, some] of Map.groupBy(lines, (line) => line.slice(0, line.indexOf(' '))))
      facts.set(`log.${client}`, some.map((line) => line.slice(client.length)).join(';'))
    for (const line of stats) {
      const [name, value] = line.split(': ')
      const own = [`http.${id}.`, `cluster.${id}-up.`].find((start) => name.startsWith(start))
      if (own !== undefined) facts.set(`stats.${own.replace(id, '')}${name.slice(own.length)}`, value)
    }
    return facts
  }

  close(): void {
    for (const upstream of this.#upstreams.values()) upstream.close()
  }
}

/** A request says whose it is, which log and upstream then know. */
function numbered(step: Step, n: number): Step {
  if (typeof step !== 'object' || !('head' in step)) return step
  const { head } = step
  if (typeof head !== 'string') return { ...step, head: [...head, [NUMBER, String(n)]] }
  return { ...step, head: head.replace('\r\n\r\n', `\r\n${NUMBER}: ${n}\r\n\r\n`) }
}

async function converse(port: number, { speaks, does: script }: Client, n: number): Promise<Told> {
  const does = script.map((step) => numbered(step, n))
  if (speaks === 'http1')
    return act(new SocketEnd(connect({ port, host: '127.0.0.1', allowHalfOpen: true }), true), does, 'abcdef')
  const session = connectHttp2(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  // Whether it may use extended CONNECT, it then knows.
  await within(`the SETTINGS of ${port}`, Promise.race([once(session, 'remoteSettings'), once(session, 'close')]))
  return act(new StreamEnd(session), does, 'abcdef')
}
