/** Trials on Envoy and on our proxy, each with upstreams of its own. */
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../../free-ports.ts'
import { type RunningProxy, startEnvoy } from '../../parity/proxies.ts'
import { adminOf, byDiscovery, startOurs } from '../filters/compare.ts'
import { refusals } from '../refusals.ts'
import { act } from './actor.ts'
import type { Script, TcpCluster, Trial } from './trial.ts'

/** What came of a trial, fact by fact; or only why it is refused. */
export type Told = ReadonlyMap<string, string>

const AT_ONCE = 30
/** Nothing listens there, and no system gives it to a socket that takes any port. */
const NOBODY = 65_529
const SETTLED_MS = 500
/** What is 0 is not told. `upstream_flush_*` and bytes of clusters are not counted here. */
const COUNTED =
  /^(?:tcp\.\S+?\.(?!upstream_flush)\w+|cluster\.\S+\.upstream_cx_(?![rt]x_bytes)\S+|\S+\.rbac\.\S+|local_rate_limit\.\S+): [1-9]\d*$/gm

/** Ours, theirs. */
export async function compare(trials: readonly Trial[], envoy: string): Promise<(readonly [Told, Told])[]> {
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
    const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })
    const [listeners, clusters]: unknown[][] = [[], []]
    for (const { id, filters, clusters: own } of this.#trials) {
      const text = JSON.stringify(filters).replaceAll('$id', id).replaceAll('$log', join(this.#dir, id))
      const place = address(this.#ports.pop() as number)
      listeners.push({ name: id, stat_prefix: id, address: place, filter_chains: [{ filters: JSON.parse(text) }] })
      for (const one of own) {
        const name = `${id}-${one.name}`
        const upstream = await new Upstream(one).start()
        this.#upstreams.set(name, upstream)
        const metadata = { filter_metadata: { 'envoy.lb': { stage: 'a' } } }
        const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(upstream.port) }, metadata }] }]
        clusters.push({ name, type: 'STATIC', load_assignment: { cluster_name: name, endpoints }, ...one.settings })
      }
    }
    return { admin: { address: address(0) }, static_resources: { listeners, clusters } }
  }

  async run(proxy: RunningProxy, refused: ReadonlyMap<string, string>): Promise<Told[]> {
    const seen = new Map<string, string[]>()
    const waiting = this.#trials.filter(({ id }) => proxy.ports.has(id))
    const next = async () => {
      for (let trial = waiting.shift(); trial !== undefined; trial = waiting.shift()) {
        const { id, clients } = trial
        const ends: string[] = []
        for (const script of clients) {
          const socket = connect({ port: proxy.ports.get(id) as number, host: '127.0.0.1', allowHalfOpen: true })
          ends.push(await act(socket, script))
        }
        seen.set(id, ends)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
    await sleep(SETTLED_MS)
    const stats = (await adminOf(proxy)('/stats')).match(COUNTED) ?? []
    return Promise.all(
      this.#trials.map(async (trial) => {
        const ends = seen.get(trial.id)
        if (ends === undefined) return new Map([['refused', refused.get(trial.id) ?? 'for no reason']])
        return this.#facts(trial, ends, stats)
      }),
    )
  }

  async #facts({ id, clusters }: Trial, ends: readonly string[], stats: readonly string[]): Promise<Told> {
    const facts = new Map(ends.map((end, i) => [`client ${i}`, end]))
    let log = existsSync(join(this.#dir, id)) ? readFileSync(join(this.#dir, id), 'utf8') : ''
    for (const { name } of clusters) {
      const upstream = this.#upstreams.get(`${id}-${name}`) as Upstream
      for (const [i, end] of (await Promise.all(upstream.ends)).entries()) facts.set(`${name} ${i}`, end)
      log = log.replaceAll(String(upstream.port), `<${name}>`)
    }
    // Connections that one after the other makes may end in another order.
    for (const [i, line] of log.split('\n').slice(0, -1).sort().entries()) facts.set(`log ${i}`, line)
    for (const line of stats) {
      const [name, value] = line.split(': ')
      if (new RegExp(`\\b${id.replace('.', '\\.')}[.-]`).test(name)) facts.set(name, value)
    }
    return facts
  }

  close(): void {
    for (const upstream of this.#upstreams.values()) upstream.close()
  }
}

class Upstream {
  readonly ends: Promise<string>[] = []
  port = NOBODY
  readonly #script: Script | 'down'
  #server: Server | undefined

  constructor({ does }: TcpCluster) {
    this.#script = does
  }

  async start(): Promise<this> {
    const script = this.#script
    if (script === 'down') return this
    const server = createServer({ allowHalfOpen: true }, (socket) => this.ends.push(act(socket, script)))
    this.#server = server
    await once(server.listen(0, '127.0.0.1'), 'listening')
    this.port = (server.address() as AddressInfo).port
    return this
  }

  close(): void {
    this.#server?.close()
  }
}
