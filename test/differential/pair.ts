/** Envoy and our proxy under one control plane, so that new configurations need no restart. */
import { mkdtempSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { type Any, anyPack } from '@bufbuild/protobuf/wkt'
import { ClusterSchema } from '../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ListenerSchema } from '../../gen/envoy/config/listener/v3/listener_pb.ts'
import { type ProxyHandle, registry, startProxy } from '../../src/proxy/index.ts'
import { serveGrpc } from '../../src/xds/grpc-server.ts'
import { AdsServer, memoryTransport, type Rejection, TypeUrl } from '../../src/xds/index.ts'
import { closeProxy } from '../close-proxy.ts'
import { freePorts } from '../free-ports.ts'
import { type EnvoyProcess, startEnvoy } from '../interop/envoy.ts'
import { portsOf } from '../parity/proxies.ts'
import { told as toldWith, within } from '../within.ts'
import { type Book, Echo } from './echo.ts'
import { type Facts, factsOf, type Masks } from './facts.ts'
import { listenerOf } from './listener.ts'
import { logged } from './log.ts'
import { refusals } from './refusals.ts'
import { send } from './send.ts'
import type { Trial } from './trial.ts'

const CLUSTERS = ['up', 'other'] as const
const AT_ONCE = 24
/** A configuration of some hundred listeners is answered within a second. */
const ANSWER_MS = 60_000

/** What became of a trial on one proxy: what each request showed, or why the configuration is refused. */
export type Result = readonly Facts[] | { readonly refused: string }

/** One of the two proxies, with upstreams of its own. */
interface Side {
  readonly node: string
  readonly book: Book
  readonly echoes: readonly Echo[]
  readonly clusters: ReadonlyMap<string, Any>
  readonly upstreamPorts: readonly number[]
  readonly log: string
  /** Ports by listener. */
  ports(): Promise<ReadonlyMap<string, number>>
  /** The end of what it logged. */
  told(): string
  /** Why listeners are refused, where the answer to their push says so. */
  reasons(answer: string): Promise<ReadonlyMap<string, string>>
}

/** For a peer on loopback Envoy tells the machine's own address in x-forwarded-for. */
const OWN = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .filter(({ internal }) => !internal)
  .map(({ address }) => address)

export class Pair {
  readonly #ads: AdsServer
  readonly #answers = new Map<string, { version: string; error: string }>()
  readonly #sides: Side[] = []
  readonly #started = new AsyncDisposableStack()
  #version = 0
  #names = 0

  private constructor() {
    const note = (nodeId: string, typeUrl: string, version: string, error: string) => {
      if (typeUrl === TypeUrl.listener) this.#answers.set(nodeId, { version, error })
    }
    this.#ads = new AdsServer({
      onAck: ({ connection, typeUrl, version }) => note(connection.nodeId, typeUrl, version, ''),
      onNack: ({ connection, typeUrl, version, error }: Rejection) => note(connection.nodeId, typeUrl, version, error),
    })
  }

  static async start(envoy: string): Promise<Pair> {
    const pair = new Pair()
    try {
      await pair.#start(envoy)
      return pair
    } catch (error) {
      await pair.close()
      throw error
    }
  }

  async #start(envoy: string): Promise<void> {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-differential-'))
    this.#started.defer(() => rmSync(dir, { recursive: true, force: true }))
    const grpc = await serveGrpc(this.#ads, '127.0.0.1', 0)
    this.#started.defer(() => within('the management server to close', grpc.close()))
    const starting = startProxy({
      ads: memoryTransport(this.#ads),
      node: { id: 'sluice', cluster: 'test' },
      workers: 1,
    })
    const ours = await within('our proxy to start', starting)
    this.#started.defer(() => closeProxy(ours))
    const theirs = await startEnvoy({
      path: envoy,
      nodeId: 'envoy',
      metadata: {},
      xdsPort: grpc.port,
      delta: false,
      args: ['--file-flush-interval-msec', '20'],
    })
    this.#started.defer(() => theirs.stop())
    for (const [node, parts] of [
      ['sluice', sluiceParts(ours)],
      ['envoy', envoyParts(theirs)],
    ] as const) {
      const made = await side(node, dir, parts)
      this.#started.defer(() => closeAll(made.echoes))
      this.#sides.push(made)
    }
  }

  /** Runs all trials on both: ours, theirs. */
  async run(trials: readonly Trial[]): Promise<(readonly [Result, Result])[]> {
    const named = trials.map((trial) => ({ trial, name: `trial-${++this.#names};` }))
    const version = String(++this.#version)
    const ports = await freePorts(named.length * 2)
    for (const { node, clusters, log } of this.#sides) {
      const own = ports.splice(0, named.length)
      const listeners = new Map(
        named.map(({ trial, name }, i) => [name, pack(ListenerSchema, listenerOf(name, trial, own[i], log))] as const),
      )
      this.#ads.setSnapshot(node, { [TypeUrl.cluster]: clusters, [TypeUrl.listener]: listeners }, version)
    }
    const [ours, theirs] = await Promise.all(this.#sides.map((one) => this.#runOn(one, named, version)))
    return named.map((_, i) => [ours[i], theirs[i]] as const)
  }

  async close(): Promise<void> {
    await this.#started.disposeAsync()
  }

  async #runOn(one: Side, named: readonly { trial: Trial; name: string }[], version: string): Promise<Result[]> {
    const answer = await this.#answered(one, version)
    const ports = await one.ports()
    const requests = named.flatMap(({ trial, name }) =>
      ports.has(name)
        ? trial.requests.map((request, i) => ({ request, port: ports.get(name) as number, tag: `${name}${i};` }))
        : [],
    )
    const got = new Map<string, Awaited<ReturnType<typeof send>>>()
    const waiting = [...requests]
    const next = async () => {
      for (let item = waiting.shift(); item !== undefined; item = waiting.shift())
        got.set(item.tag, await send(item.port, item.request, item.tag))
    }
    await Promise.all(Array.from({ length: AT_ONCE }, next))
    const log = await logged(one.log)
    const reasons = await one.reasons(answer)
    return named.map(({ trial, name }) => {
      const port = ports.get(name)
      if (port === undefined) return { refused: reasons.get(name) ?? answer }
      const masks: Masks = { port, upstream: one.upstreamPorts, own: OWN, name }
      return trial.requests.map((_, i) => {
        const id = `${name}${i};`
        return factsOf(got.get(id), one.book.get(id) ?? [], log.get(id) ?? [], masks)
      })
    })
  }

  async #answered({ node, told }: Side, version: string): Promise<string> {
    const deadline = Date.now() + ANSWER_MS
    for (;;) {
      const answer = this.#answers.get(node)
      if (answer?.version === version) return answer.error
      if (Date.now() > deadline) throw new Error(toldWith(`${node} does not answer to version ${version}`, told()))
      await sleep(3)
    }
  }
}

function pack(schema: typeof ListenerSchema | typeof ClusterSchema, json: unknown): Any {
  return anyPack(schema, fromJson(schema, json as JsonValue, { registry }))
}

type Parts = Pick<Side, 'ports' | 'told' | 'reasons'>

async function side(node: string, dir: string, parts: Parts): Promise<Side> {
  const book: Book = new Map()
  const echoes = CLUSTERS.map((name) => new Echo(name, book))
  const upstreamPorts = await Promise.all(echoes.map((echo) => echo.listen()))
  const clusters = new Map(CLUSTERS.map((name, i) => [name, pack(ClusterSchema, clusterOf(name, upstreamPorts[i]))]))
  const log = join(dir, `${node}.log`)
  return { node, book, echoes, clusters, upstreamPorts, log, ...parts }
}

function closeAll(echoes: readonly Echo[]): void {
  for (const echo of echoes) echo.close()
}

function clusterOf(name: string, port: number): unknown {
  const endpoint = { address: { socket_address: { address: '127.0.0.1', port_value: port } }, hostname: `${name}.host` }
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint }] }] },
  }
}

function sluiceParts(proxy: ProxyHandle): Parts {
  const ports = async () => new Map(proxy.listeners().map(({ name, port }) => [name, port]))
  const reasons = async (answer: string) =>
    new Map(answer.split(/(?=trial-\d+;: )/).map((part) => [part.slice(0, part.indexOf(':')), part.trim()]))
  return { ports, told: () => '', reasons }
}

function envoyParts(envoy: EnvoyProcess): Parts {
  const ports = async () => portsOf(await envoy.admin('/listeners?format=json'))
  // Its answer is cut where it gets long.
  const reasons = async (answer: string) => {
    if (answer === '') return new Map()
    const told = await refusals((path) => envoy.admin(path))
    return new Map([...told].map(([name, details]) => [name, reasonOf(details)]))
  }
  return { ports, told: () => envoy.log(), reasons }
}

/** Envoy writes the whole configuration before what is wrong with it. */
function reasonOf(details: string): string {
  const line = details.replace(/\s+/g, ' ')
  return /Proto constraint validation failed .*/.exec(line)?.[0] ?? line
}
