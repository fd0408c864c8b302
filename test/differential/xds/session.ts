/** Envoy and our proxy, each with a management server of its own that says the same to it. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseBootstrap, startProxy } from '../../../src/proxy/index.ts'
import { Authority } from '../../../src/proxy/listener/testing.ts'
import { serveGrpc } from '../../../src/xds/grpc-server.ts'
import { closeProxy } from '../../close-proxy.ts'
import { freePorts } from '../../free-ports.ts'
import { startEnvoy } from '../../interop/envoy.ts'
import { fetchText } from '../../limited-fetch.ts'
import { told as toldWith, within } from '../../within.ts'
import { ends, unexplained } from './known.ts'
import { counted, dumped, type Facts, hosts, requestsTo } from './observe.ts'
import { ScriptedServer } from './server.ts'
import type { Trial } from './trial.ts'
import { LISTENERS, PATHS, placesOf, UPSTREAMS, type World } from './words.ts'

const QUIET_MS = 25
/** Beyond this what differs differs. */
const SETTLED_MS = 1500
const LOST_MS = 20_000

interface Side {
  readonly host: string
  readonly server: ScriptedServer
  admin(path: string): Promise<string>
  log(): string
}

/** Ours, theirs. */
export type Told = readonly [Facts, Facts]

export interface Outcome {
  /** The step after which something differs. */
  readonly step: number
  readonly facts: readonly string[]
  /** What each refuses, and why. */
  readonly refusals: readonly string[]
}

export class Session {
  readonly world: World
  readonly #sides: readonly [Side, Side]
  readonly #names: ReadonlyMap<number, string>
  readonly #started: AsyncDisposableStack
  #base: readonly ReadonlyMap<string, number>[] = []

  private constructor(world: World, sides: readonly [Side, Side], started: AsyncDisposableStack) {
    this.world = world
    this.#sides = sides
    this.#names = new Map(world.upstreams.map((port, i) => [port, UPSTREAMS[i]]))
    this.#started = started
  }

  static async start(envoy: string, delta: boolean): Promise<Session> {
    const started = new AsyncDisposableStack()
    try {
      const upstreams = await Promise.all(UPSTREAMS.map((name) => startUpstream(name, started)))
      const authority = await new Authority().start()
      const pairs = await Promise.all(['a.test', 'b.test'].map((value) => authority.issue([{ type: 'dns', value }])))
      const world = {
        upstreams: upstreams.map((server) => (server.address() as AddressInfo).port),
        ports: await freePorts(LISTENERS.length),
        pairs,
      }
      return new Session(world, [await startOurs(delta, started), await startTheirs(envoy, delta, started)], started)
    } catch (error) {
      await started.disposeAsync()
      throw error
    }
  }

  /** Says the steps of a trial in turn, up to the first after which something differs. */
  async run(trial: Trial): Promise<Outcome | undefined> {
    await this.#clear()
    for (const [step, one] of trial.steps.entries()) {
      for (const { server } of this.#sides) server.run(one)
      await this.#quiet()
      const deadline = performance.now() + SETTLED_MS
      for (;;) {
        const told = await this.#observe(trial)
        if (ends(told)) return undefined
        const facts = unexplained(told)
        if (facts.length === 0) break
        if (performance.now() > deadline) {
          const refusals = this.#sides.flatMap(({ host, server }) => server.refusals().map((one) => `${host} ${one}`))
          return { step, facts, refusals }
        }
        await sleep(QUIET_MS)
      }
    }
    return undefined
  }

  async stop(): Promise<void> {
    await this.#started.disposeAsync()
  }

  async #clear(): Promise<void> {
    // Envoy's refusal of what it was told before may stand in its next answer.
    const deadline = performance.now() + LOST_MS
    do {
      const said = () => this.#sides.flatMap(({ server }) => server.refusals()).join('\n')
      if (performance.now() > deadline) throw new Error(`that there is nothing more is refused: ${said()}`)
      for (const { server } of this.#sides) server.clear()
      await this.#quiet()
    } while (!this.#sides.every(({ server }) => server.isTaken))
    for (;;) {
      const names = this.#sides.map(({ server }) =>
        [...server.facts()].filter(([key, value]) => key.endsWith('.names') && value !== ''),
      )
      if (names.every((left) => left.length === 0)) break
      if (performance.now() > deadline) throw new Error(`still subscribed: ${JSON.stringify(names)}`)
      await sleep(QUIET_MS)
    }
    this.#base = await Promise.all(this.#sides.map(({ admin }) => counted(admin, ' ')))
  }

  async #quiet(): Promise<void> {
    const deadline = performance.now() + LOST_MS
    while (!this.#sides.every(({ server }) => server.isQuiet)) {
      if (performance.now() > deadline) {
        const told = this.#sides.map(({ server }) => JSON.stringify([...server.facts()]))
        const logs = this.#sides.map(({ log }) => log()).join('\n')
        throw new Error(toldWith(`no answer within ${LOST_MS} ms: ${told.join('\n')}`, logs))
      }
      await sleep(3)
    }
  }

  async #observe(trial: Trial): Promise<Told> {
    const [ours, theirs] = await Promise.all(this.#sides.map((side, i) => this.#facts(side, trial, this.#base[i])))
    return [ours, theirs]
  }

  async #facts({ host, server, admin }: Side, { id }: Trial, base: ReadonlyMap<string, number>): Promise<Facts> {
    const requests = await requestsTo(host, placesOf(id, this.world), PATHS)
    const parts = [server.facts(), requests, await dumped(admin, id), await hosts(admin, id, this.#names)]
    const facts = new Map(parts.flatMap((part) => [...part]))
    for (const [name, value] of await counted(admin, id))
      facts.set(`stats.${name}`, String(value - (base.get(name) ?? 0)))
    return new Map([...facts].map(([key, value]) => [key.replaceAll(id, ''), value.replaceAll(id, '')]))
  }
}

async function startUpstream(name: string, started: AsyncDisposableStack): Promise<Server> {
  const server = createServer((_, response) => response.setHeader('x-up', name).end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  started.defer(() => void server.close())
  return server
}

/** A management server of one side. */
async function serve(server: ScriptedServer, started: AsyncDisposableStack): Promise<number> {
  const grpc = await serveGrpc(server, '127.0.0.1', 0)
  started.defer(() => within('the management server to close', grpc.close()))
  return grpc.port
}

async function startOurs(delta: boolean, started: AsyncDisposableStack): Promise<Side> {
  const host = '127.0.0.1'
  const server = new ScriptedServer(host)
  const config = bootstrap(await serve(server, started), delta)
  const starting = startProxy({
    bootstrap: parseBootstrap(JSON.stringify(config), 'xds'),
    workers: 1,
    drainMs: 0,
  })
  const proxy = await within('our proxy to start', starting)
  started.defer(() => closeProxy(proxy))
  return {
    host,
    server,
    admin: (path) => fetchText(`http://${proxy.adminAddress}${path}`),
    log: () => '',
  }
}

async function startTheirs(path: string, delta: boolean, started: AsyncDisposableStack): Promise<Side> {
  const host = '127.0.0.2'
  const server = new ScriptedServer(host)
  const xdsPort = await serve(server, started)
  const args = ['--drain-strategy', 'immediate']
  const envoy = await startEnvoy({ path, nodeId: 'xds', metadata: {}, xdsPort, delta, drainSeconds: 0, args })
  started.defer(() => envoy.stop())
  return {
    host,
    server,
    admin: (path) => envoy.admin(path),
    log: () => envoy.log(),
  }
}

function bootstrap(port: number, delta: boolean): unknown {
  const address = (value: number) => ({ socket_address: { address: '127.0.0.1', port_value: value } })
  const ads = { ads: {}, resource_api_version: 'V3' }
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }]
  return {
    node: { id: 'xds', cluster: 'test' },
    admin: { address: address(0) },
    dynamic_resources: {
      lds_config: ads,
      cds_config: ads,
      ads_config: {
        api_type: delta ? 'DELTA_GRPC' : 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
    },
    static_resources: {
      clusters: [{ name: 'xds', type: 'STATIC', load_assignment: { cluster_name: 'xds', endpoints } }],
    },
  }
}
