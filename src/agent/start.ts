import { join } from 'node:path'
import { sha256Hex } from '../oci/index.ts'
import { Registry } from '../telemetry/metrics.ts'
import type { AdsTransport, ExtensionReport } from '../xds/index.ts'
import { ModuleCache } from './cache/module-cache.ts'
import type { ModuleCacheOptions } from './cache/options.ts'
import { AdsInterposer, type AdsInterposerOptions } from './interposer.ts'
import { mergePages, scrape } from './status/merge-metrics.ts'
import { serveStatus } from './status/status-server.ts'
import { TrialThreads } from './trial/trial-threads.ts'

/** What an agent is started with. */
export interface AgentOptions
  extends Omit<AdsInterposerOptions, 'cache' | 'stateDir' | 'trial'>,
    Pick<AgentStatusOptions, 'status' | 'proxyNotReady' | 'scrapeUrls'> {
  /** The control plane; `grpcTransport(address)`. */
  readonly upstream: AdsTransport
  /** `cacheOptionsFromEnv` reads Istio's environment variables. */
  readonly cache: ModuleCacheOptions
  /** Names the proxy across restarts, when several share the cache's folder: `<namespace>.<deployment>`. */
  readonly owner?: string
  /** False leaves modules untried, for a proxy whose host functions are not ours. */
  readonly trials?: boolean
  readonly metrics?: Registry
}

/** What is told of an agent by HTTP, and where. */
export interface AgentStatusOptions {
  /** Serves `/healthz/ready` and `/stats/prometheus`, as Istio's agent does on port 15020. */
  readonly status?: { readonly host: string; readonly port: number }
  /** What else keeps the proxy from being ready. */
  readonly proxyNotReady?: () => Promise<readonly string[]> | readonly string[]
  /** Prometheus pages that are merged with the agent's own. */
  readonly scrapeUrls?: readonly string[]
}

/** A running agent. */
export interface Agent {
  /** What the proxy connects to in place of the control plane. */
  readonly transport: AdsTransport
  readonly interposer: AdsInterposer
  readonly cache: ModuleCache
  readonly metrics: Registry
  readonly statusPort: number | undefined
  reports(): ExtensionReport[]
  /** Why traffic should not come yet; empty when it may. Extensions that fail closed count. */
  notReady(): Promise<string[]>
  close(): Promise<void>
}

/** Composes module supply for one proxy: cache, trials, the ADS stream in between, health and metrics. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const metrics = options.metrics ?? new Registry()
  const cache = await new ModuleCache({ ...options.cache, metrics }).open()
  const trials = options.trials === false ? undefined : new TrialThreads()
  const interposer = new AdsInterposer({
    ...options,
    cache,
    stateDir: join(options.cache.dir, 'proxies', sha256Hex(options.owner ?? '')),
    ...(trials === undefined ? {} : { trial: trials.try }),
  })
  let served = false
  const notReady = async () => {
    const proxy = (await options.proxyNotReady?.()) ?? []
    // Only until the first traffic: an extension that breaks later, on all Pods at once, must not take all of them out of service.
    const names = served ? [] : interposer.notReady()
    const reasons = names.map((name) => `extension ${name} is not running and its policy denies traffic`)
    served ||= proxy.length === 0 && reasons.length === 0
    return [...proxy, ...reasons]
  }
  const server =
    options.status === undefined
      ? undefined
      : await serveStatus(options.status.host, options.status.port, {
          notReady,
          metrics: async () => {
            const others = await Promise.all((options.scrapeUrls ?? []).map((url) => scrape(url)))
            return mergePages([metrics.render(), ...others])
          },
        })
  return {
    transport: interposer.transport,
    interposer,
    cache,
    metrics,
    statusPort: server?.port,
    reports: () => interposer.reports(),
    notReady,
    async close() {
      interposer.close()
      trials?.close()
      cache.close()
      await server?.close()
    },
  }
}
