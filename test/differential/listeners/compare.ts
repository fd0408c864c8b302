/** Trials on Envoy and on our proxy, each with ports of its own. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../free-ports.ts'
import { type RunningProxy, startEnvoy } from '../../parity/proxies.ts'
import { adminOf, byDiscovery, startOurs } from '../filters/compare.ts'
import { refusals } from '../refusals.ts'
import { outcome } from './connect.ts'
import { CLUSTERS } from './generate.ts'
import type { Trial } from './trial.ts'
import { OWN_PORT, SOURCE_PORT } from './words.ts'

/** What became of a trial: how each connection ended, or why the listener is refused. */
export type Told = readonly string[] | { readonly refused: string }

const AT_ONCE = 100

interface Place {
  readonly port: number
  readonly sourcePort: number
}

/** Ours, theirs. */
export async function compare(trials: readonly Trial[], envoy: string): Promise<(readonly [Told, Told])[]> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-differential-'))
  const ports = await freePorts(trials.length * 4)
  const places = (): Map<string, Place> =>
    new Map(trials.map(({ id }) => [id, { port: ports.pop() as number, sourcePort: ports.pop() as number }]))
  const upstreams = await startUpstreams()
  const [ourPlaces, theirPlaces] = [places(), places()]
  try {
    const theirs = await startEnvoy(
      envoy,
      byDiscovery(bootstrap(trials, theirPlaces, upstreams), join(dir, 'lds.json')),
      dir,
    )
    try {
      const ours = await startOurs(bootstrap(trials, ourPlaces, upstreams))
      try {
        const theirRefusals = await refusals(adminOf(theirs))
        const [we, they] = await Promise.all([
          run(trials, ours.proxy, ourPlaces, ours.refused),
          run(trials, theirs, theirPlaces, theirRefusals),
        ])
        return trials.map((_, i) => [we[i], they[i]])
      } finally {
        await ours.proxy.stop()
      }
    } finally {
      await theirs.stop()
    }
  } finally {
    for (const { server } of upstreams) server.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

interface Upstream {
  readonly name: string
  readonly server: Server
  readonly port: number
}

/** Each tells its name to whoever connects. */
function startUpstreams(): Promise<readonly Upstream[]> {
  return Promise.all(
    CLUSTERS.map(async (name) => {
      const server = createServer((socket) =>
        socket
          .on('error', () => {})
          .resume()
          .end(`<${name}>`),
      ).listen(0, '127.0.0.1')
      await once(server, 'listening')
      return { name, server, port: (server.address() as AddressInfo).port }
    }),
  )
}

function bootstrap(
  trials: readonly Trial[],
  places: ReadonlyMap<string, Place>,
  upstreams: readonly Upstream[],
): unknown {
  const listeners = trials.map(({ id, listener }) => {
    const { port, sourcePort } = places.get(id) as Place
    const text = JSON.stringify(listener).replaceAll(String(OWN_PORT), String(port))
    const address = { socket_address: { address: '0.0.0.0', port_value: port } }
    return { name: id, address, ...JSON.parse(text.replaceAll(String(SOURCE_PORT), String(sourcePort))) }
  })
  const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })
  const clusters = upstreams.map(({ name, port }) => {
    const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }]
    return { name, type: 'STATIC', load_assignment: { cluster_name: name, endpoints } }
  })
  return { admin: { address: address(0) }, static_resources: { listeners, clusters } }
}

async function run(
  trials: readonly Trial[],
  { ports }: RunningProxy,
  places: ReadonlyMap<string, Place>,
  refused: ReadonlyMap<string, string>,
): Promise<Told[]> {
  const told = trials.map(({ id }): string[] | { refused: string } =>
    ports.has(id) ? [] : { refused: refused.get(id) ?? 'for no reason' },
  )
  const waiting = trials.flatMap(({ id, connections }, i) =>
    'refused' in told[i] ? [] : connections.map((connection, j) => ({ id, connection, i, j })),
  )
  const next = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      const { port, sourcePort } = places.get(item.id) as Place
      ;(told[item.i] as string[])[item.j] = await outcome(item.connection, port, sourcePort)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
  return told
}
