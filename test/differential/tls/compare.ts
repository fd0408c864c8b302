/** Trials on Envoy and on our proxy, each with upstreams of its own. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../../free-ports.ts'
import { type RunningProxy, startEnvoy } from '../../parity/proxies.ts'
import { adminOf, byDiscovery } from '../filters/compare.ts'
import { refusals } from '../refusals.ts'
import { Catalogue } from './catalogue.ts'
import { type Facts, visit } from './client.ts'
import { SECRETS, transportSocket } from './context.ts'
import { startOurs } from './ours.ts'
import { type Serving, serve } from './server.ts'
import type { Trial } from './trial.ts'

const AT_ONCE = 16
const SETTLED_MS = 400
/** What is 0 is not told. */
const COUNTED =
  /^(?:listener|cluster)\.(tls\.\d+)\.((?:ssl(?!\.(?:certificate|ciphers|curves|sigalgs|versions)\.)|server_ssl|client_ssl)\S*): ([1-9]\d*)$/gm

/** What came of a trial; of one that is refused, why. */
export type Told = ReadonlyMap<string, string>

/** Ours, theirs. */
export async function compare(trials: readonly Trial[], envoy: string): Promise<(readonly [Told, Told])[]> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-differential-'))
  const ports = await freePorts(trials.length * 2)
  const catalogue = await Catalogue.make()
  const [we, they] = ['ours', 'theirs'].map((name) => new Side(trials, join(dir, name), ports, catalogue))
  try {
    const bootstrap = await they.bootstrap()
    const theirs = await startEnvoy(envoy, discovered(bootstrap, dir), dir)
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

export interface Bootstrap {
  readonly admin: unknown
  readonly static_resources: {
    readonly listeners: readonly Readonly<Record<string, unknown>>[]
    readonly clusters: readonly Readonly<Record<string, unknown>>[]
    readonly secrets: unknown
  }
}

/** Clusters, too, come from a file: one that is refused concerns nobody else. */
function discovered(bootstrap: Bootstrap, dir: string): unknown {
  const moved = byDiscovery(bootstrap, join(dir, 'lds.json')) as Bootstrap & { readonly dynamic_resources: object }
  const type = 'type.googleapis.com/envoy.config.cluster.v3.Cluster'
  const resources = moved.static_resources.clusters.map((cluster) => ({ '@type': type, ...cluster }))
  const path = join(dir, 'cds.json')
  writeFileSync(path, JSON.stringify({ version_info: '1', resources }))
  return {
    ...moved,
    static_resources: { ...moved.static_resources, clusters: [] },
    dynamic_resources: {
      ...moved.dynamic_resources,
      cds_config: { path_config_source: { path }, resource_api_version: 'V3' },
    },
  }
}

class Side {
  readonly #trials: readonly Trial[]
  readonly #dir: string
  readonly #ports: number[]
  readonly #catalogue: Catalogue
  readonly #servers: Serving[] = []

  constructor(trials: readonly Trial[], dir: string, ports: number[], catalogue: Catalogue) {
    this.#trials = trials
    this.#dir = dir
    this.#ports = ports
    this.#catalogue = catalogue
    mkdirSync(dir)
  }

  async bootstrap(): Promise<Bootstrap> {
    const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })
    const server = async (upstream: Trial['upstream']) => {
      const it = await serve(upstream, this.#catalogue)
      this.#servers.push(it)
      return it.port
    }
    const cluster = (name: string, port: number) => {
      const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }]
      return { name, type: 'STATIC', load_assignment: { cluster_name: name, endpoints } }
    }
    const [listeners, clusters]: Record<string, unknown>[][] = [[], [cluster('plain', await server(undefined))]]
    for (const { id, chains, listenerFilters, upstream } of this.#trials) {
      const text = JSON.stringify(chains)
        .replaceAll('$log', join(this.#dir, id))
        .replaceAll('$cluster', upstream === undefined ? 'plain' : id)
      listeners.push({
        name: id,
        stat_prefix: id,
        address: address(this.#ports.pop() as number),
        listener_filters: listenerFilters,
        filter_chains: JSON.parse(text),
      })
      if (upstream === undefined) continue
      clusters.push({
        ...cluster(id, await server(upstream)),
        transport_socket: transportSocket('Upstream', upstream.context),
        ...upstream.cluster,
      })
    }
    const filled = this.#catalogue.filled({ listeners, clusters, secrets: SECRETS })
    return { admin: { address: address(0) }, static_resources: filled as Bootstrap['static_resources'] }
  }

  async run(proxy: RunningProxy, refused: ReadonlyMap<string, string>): Promise<Told[]> {
    const told = new Map(this.#trials.map(({ id }) => [id, new Map<string, string>()]))
    const waiting = this.#trials
      .filter(({ id }) => proxy.ports.has(id) && !refused.has(id))
      .flatMap(({ id, connections }) => connections.map((connection, n) => ({ id, connection, n })))
    const next = async () => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
        const { id, connection, n } = item
        const facts = await visit(proxy.ports.get(id) as number, connection, n, this.#catalogue)
        this.#note(told.get(id), n, facts)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
    await sleep(SETTLED_MS)
    const stats = await adminOf(proxy)('/stats')
    for (const [, id, name, value] of stats.matchAll(COUNTED)) told.get(id)?.set(name, value)
    return this.#trials.map(({ id }) => {
      if (!proxy.ports.has(id) || refused.has(id)) return new Map([['refused', refused.get(id) ?? 'for no reason']])
      return this.#logged(id, told.get(id) as Facts)
    })
  }

  #note(told: Facts | undefined, n: number, facts: Facts): void {
    for (const [name, value] of facts) told?.set(`${n}.${name}`, value)
  }

  #logged(id: string, told: Facts): Facts {
    const file = join(this.#dir, id)
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
    for (const line of lines) {
      const { N, ...values } = JSON.parse(line) as Readonly<Record<string, unknown>>
      // What a client says in place of a request names none.
      if (N === null) continue
      for (const [name, value] of Object.entries(values)) if (value !== null) told.set(`${N}.${name}`, String(value))
    }
    return told
  }

  close(): void {
    for (const server of this.#servers) server.close()
  }
}
