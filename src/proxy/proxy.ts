/** Starting and stopping the data plane. */

import { flushCompileCache } from 'node:module'
import { availableParallelism } from 'node:os'
import { clone, create, type MessageInitShape } from '@bufbuild/protobuf'
import { type Bootstrap, BootstrapSchema } from '../../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import { type Node, NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.ts'
import { logger } from '../telemetry/log.ts'
import { AdsClient, type AdsTransport } from '../xds/index.ts'
import type { AdminServer } from './admin/admin-server.ts'
import {
  adsAddress,
  asksByDelta,
  backgroundServices,
  checkBootstrap,
  clustersTimeoutMs,
  readBootstrap,
  settingsWithoutEffect,
} from './bootstrap.ts'
import { socketAddress } from './cluster/endpoints.ts'
import { sharesPorts } from './listener/listening-sockets.ts'
import type { Applier } from './main/applier.ts'
import { ConfigManager } from './main/config-manager.ts'
import { CountMemories } from './main/count-memories.ts'
import { enlargeYoungGeneration, growThreefold } from './main/heap-flags.ts'
import type { ListenPlaces } from './main/listen-places.ts'
import { probePorts } from './main/probe-ports.ts'
import { WorkerPool } from './main/worker-pool.ts'
import { watchHeap } from './overload/heap-monitor.ts'
import { overloadConfig } from './overload/overload-config.ts'
import { OverloadState } from './overload/overload-state.ts'

const log = logger('proxy')

/** What a proxy is started with. */
export interface ProxyOptions {
  readonly bootstrap?: Bootstrap
  /** The management server; else the one that the bootstrap's `ads_config` names. */
  readonly ads?: AdsTransport
  /** Overrides the bootstrap's node. */
  readonly node?: Node | MessageInitShape<typeof NodeSchema>
  /** Where listeners of the management server are opened, when that is not where it says. */
  readonly places?: ListenPlaces
  /** Data threads; one per core unless told, where threads can share a port. */
  readonly workers?: number
  /** Overrides the bootstrap's admin address; port 0 takes any. */
  readonly admin?: { readonly host: string; readonly port: number }
  /** How long requests under way may take when a listener is removed; 10 minutes unless told (Envoy's --drain-time-s). */
  readonly drainMs?: number
}

/** Where a listener listens. */
export interface ListenerAddress {
  readonly name: string
  readonly address: string
  readonly port: number
}

/** A running proxy. */
export interface ProxyHandle {
  /** `host:port` of the admin endpoint, when there is one. */
  readonly adminAddress: string | undefined
  /** Where active listeners listen. */
  listeners(): ListenerAddress[]
  /** The first listeners have been in force; it stays so when others come that wait for something. */
  readonly isReady: boolean
  /** Resolves when it is ready. */
  ready(): Promise<void>
  /** Resolves when a listener of this name is in force. */
  listening(name: string): Promise<ListenerAddress>
  /** Stops accepting, lets requests finish for up to `deadlineMs` (5 s unless told), then stops. */
  close(deadlineMs?: number): Promise<void>
  /** Resolves when somebody has asked the admin endpoint to quit; whoever started the proxy closes it then. */
  readonly quit: Promise<void>
  readonly workers: WorkerPool
  readonly config: ConfigManager
}

const DRAIN_MS = 600_000

/** Starts the data plane; resolves when static listeners serve. Listeners by LDS come in force as they are delivered. */
export async function startProxy(options: ProxyOptions): Promise<ProxyHandle> {
  const bootstrap = options.bootstrap ?? create(BootstrapSchema)
  checkBootstrap(bootstrap)
  const ignored = settingsWithoutEffect(bootstrap)
  if (ignored.length > 0)
    log.info({ fields: ignored }, 'settings of the bootstrap that concern Envoy’s own process have no effect')
  const node = nodeOf(options, bootstrap)
  const count = options.workers ?? (sharesPorts ? availableParallelism() : 1)
  let config: ConfigManager
  const services = backgroundServices(bootstrap)
  const servicesThread = services.some(({ singleton }) => singleton)
  const limits = overloadConfig(bootstrap)
  const threads = count + (servicesThread ? 1 : 0)
  const counts = new CountMemories(threads)
  const overload = limits && OverloadState.create(limits, threads)
  const stopWatching = limits?.heap && overload && watchHeap(limits.heap, overload)
  const workers = new WorkerPool({
    node,
    count,
    servicesThread,
    overload,
    counts,
    localCluster: bootstrap.clusterManager?.localClusterName ?? '',
    fullState: () => config.fullState(),
  })
  const applier: Applier = {
    apply: async (ops) => {
      if (sharesPorts) await probePorts(ops, config)
      return workers.apply(ops)
    },
  }
  config = new ConfigManager(applier, node, options.drainMs ?? DRAIN_MS, counts)
  // The threads find there what this one has compiled, and so do the threads of a next proxy when this one is killed.
  flushCompileCache()
  enlargeYoungGeneration()
  await workers.start()
  growThreefold()
  let ads: AdsClient | undefined
  let admin: AdminServer | undefined
  const quit = Promise.withResolvers<void>()
  const close = async (deadlineMs: number) => {
    ads?.close()
    stopWatching?.()
    config.close()
    await workers.close(deadlineMs)
    await admin?.close()
  }
  try {
    const resources = bootstrap.staticResources
    await config.addStatic(resources?.listeners ?? [], resources?.clusters ?? [], resources?.secrets ?? [], services)
    const address = options.ads === undefined ? adsAddress(bootstrap) : undefined
    const transport = options.ads ?? (address === undefined ? undefined : await grpc(address))
    if (transport === undefined) config.initialized = true
    else {
      ads = new AdsClient({
        transport,
        node,
        delta: asksByDelta(bootstrap),
        onState: (state) => {
          if (state === 'disconnected') config.disconnected()
          else config.connected()
        },
      })
      config.connect(ads, options.places ?? new Map())
      config.ask(clustersTimeoutMs(bootstrap))
      ads.start()
    }
    const adminAddress = options.admin ?? bootstrapAdmin(bootstrap)
    if (adminAddress !== undefined) {
      const { AdminServer } = await import('./admin/admin-server.ts')
      admin = new AdminServer(config, workers, bootstrap, node, options.drainMs ?? DRAIN_MS, quit.resolve)
      await admin.listen(adminAddress.host, adminAddress.port)
    }
  } catch (error) {
    await close(0)
    throw error
  }
  return handle(config, workers, admin, quit.promise, close)
}

/** `sluice proxy -c <file>`. */
export function runFromBootstrapFile(
  file: string,
  options: Omit<ProxyOptions, 'bootstrap'> = {},
): Promise<ProxyHandle> {
  return startProxy({ ...options, bootstrap: readBootstrap(file) })
}

/** Loaded with the first management server: a proxy with static resources has no use for it. */
async function grpc(address: string): Promise<AdsTransport> {
  const { grpcTransport } = await import('../xds/grpc-transport.ts')
  return grpcTransport(address)
}

function nodeOf(options: ProxyOptions, bootstrap: Bootstrap): Node {
  const given =
    options.node === undefined ? undefined : create(NodeSchema, options.node as MessageInitShape<typeof NodeSchema>)
  const node = clone(NodeSchema, given ?? bootstrap.node ?? create(NodeSchema))
  if (node.userAgentName === '') node.userAgentName = 'sluice'
  return node
}

function bootstrapAdmin(bootstrap: Bootstrap): { host: string; port: number } | undefined {
  if (bootstrap.admin?.address === undefined) return undefined
  const { ip, port } = socketAddress(bootstrap.admin.address, 'bootstrap.admin.address')
  return { host: ip, port }
}

function handle(
  config: ConfigManager,
  workers: WorkerPool,
  admin: AdminServer | undefined,
  quit: Promise<void>,
  close: (deadlineMs: number) => Promise<void>,
): ProxyHandle {
  const listeners = () => config.addresses()
  let closing: Promise<void> | undefined
  return {
    adminAddress: admin?.address,
    listeners,
    get isReady() {
      return config.ready
    },
    ready: () => config.when(() => config.ready),
    async listening(name) {
      const find = () => listeners().find((one) => one.name === name)
      await config.when(() => find() !== undefined)
      return find() as ListenerAddress
    },
    close(deadlineMs = 5000) {
      closing ??= close(deadlineMs)
      return closing
    },
    quit,
    workers,
    config,
  }
}
