/** The embedded Kubernetes API server: storage, watch, patch, apply, tables. */

import { SluiceError } from '../errors.ts'
import { Registry } from '../telemetry/metrics.ts'
import { ClusterIPs } from './cluster-ips.ts'
import { builtinKinds } from './kinds/index.ts'
import { kubeconfig } from './kubeconfig.ts'
import { Background } from './loops/background.ts'
import { loadCrds } from './loops/crd-files.ts'
import { serveCrds } from './loops/crds.ts'
import { expireEvents } from './loops/events.ts'
import { GarbageCollector } from './loops/garbage.ts'
import { keepNamespaces } from './loops/namespaces.ts'
import type { PodRuntime } from './pod/runtime.ts'
import { KindRegistry } from './registry.ts'
import type { Api } from './rest/context.ts'
import { ApiHttpServer } from './server.ts'
import { Store } from './store/store.ts'
import { credentials } from './tls.ts'

export type { ExecOptions, LogOptions, PodRuntime } from './pod/runtime.ts'

export interface ApiServerOptions {
  /** A folder for the database and the credentials, or `:memory:` to keep nothing. */
  dataDir: string
  host?: string
  /** 0 for any. */
  port: number
  /** Folders of CRD files that are loaded at every start. */
  crdDirs?: readonly string[]
  /** The Kubernetes minor version to speak as. */
  version?: string
  registry?: Registry
  /** Asked on every log and exec, because what runs pods starts after the API server, as its client. */
  podRuntime?: () => PodRuntime | undefined
}

export interface ApiServer {
  readonly url: string
  readonly port: number
  /** YAML. */
  readonly kubeconfig: string
  readonly caPem: string
  readonly token: string
  close(): Promise<void>
}

/** kubectl 1.33 is the newest that the common dispatcher of kubectl versions knows. */
const MINOR = '33'

export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { dataDir, host = '127.0.0.1', port } = options
  const store = openStore(dataDir)
  const background = new Background()
  try {
    const secrets = await credentials(dataDir, host)
    const clusterIPs = new ClusterIPs(store)
    const kinds = new KindRegistry()
    for (const kind of builtinKinds) kinds.add(kind)
    const api: Api = {
      store,
      kinds,
      prepare: { allocateClusterIP: (wanted) => clusterIPs.allocate(wanted) },
    }
    const server = new ApiHttpServer(api, secrets, {
      host,
      port,
      version: options.version ?? MINOR,
      registry: options.registry ?? new Registry(),
      podRuntime: options.podRuntime ?? (() => undefined),
    })
    // One sync to disk for everything that every start makes sure of.
    store.batch(() => {
      serveCrds(api, background, (storage) => server.handler.endWatches(storage))
      loadCrds(api, options.crdDirs ?? [])
      keepNamespaces(api, background, secrets.caPem)
    })
    new GarbageCollector(api, background)
    const expiry = setInterval(() => expireEvents(store), 60_000).unref()
    const bound = await server.listen()
    const url = `https://${addressFor(host)}:${bound}`
    return {
      url,
      port: bound,
      kubeconfig: kubeconfig(url, secrets.caPem, secrets.token),
      caPem: secrets.caPem,
      token: secrets.token,
      async close() {
        clearInterval(expiry)
        background.stop()
        await server.close()
        store.close()
      },
    }
  } catch (error) {
    background.stop()
    store.close()
    throw error
  }
}

/** Where clients on this machine reach it: all addresses is not an address. */
function addressFor(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

function openStore(dataDir: string): Store {
  try {
    return new Store(dataDir)
  } catch (error) {
    throw new SluiceError('SL1002', `${dataDir}: ${(error as Error).message}`, { cause: error })
  }
}
