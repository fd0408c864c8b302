import { pathToFileURL } from 'node:url'
import { agentSettings } from '../agent/index.ts'
import { packagePath, programPath } from '../base/package-root.ts'
import type { Images } from '../pods/index.ts'
import { MAIN_THREAD } from '../proxy/main/heap-flags.ts'
import type { Home } from './home.ts'
import { standaloneMirrors } from './mirrors.ts'
import type { StandaloneOptions } from './options.ts'

/** Where the parts are that a gateway Pod speaks to. */
export interface Surroundings {
  readonly options: StandaloneOptions
  readonly home: Home
  /** `host:port` of the embedded registry. */
  readonly registry: string
  /** `host:port` of xDS. */
  readonly discovery: string
}

/** What Pods get to make any Node program use their outbound proxy has Node load undici in each thread: 40 ms and 10 MB. */
const WITHOUT_ENV_PROXY = { NODE_USE_ENV_PROXY: '0' }

/** The programs of this machine that play the images of the gateway and the samples. */
export function images(around: Surroundings): Images {
  const bookinfo = ['productpage', 'details', 'reviews', 'ratings'].map((service) => [
    `sluice.dev/bookinfo/${service}`,
    { command: [process.execPath, programPath(`samples/bookinfo/${service}`)], env: WITHOUT_ENV_PROXY },
  ])
  // As bin/sluice.mjs starts it.
  const flags = [MAIN_THREAD, `--import=${pathToFileURL(packagePath('bin/plain-paths.mjs'))}`]
  const gateway = [process.execPath, ...flags, programPath('src/cli/main'), 'agent']
  return {
    'sluice.dev/proxy': { command: gateway, env: gatewayEnv(around) },
    'sluice.dev/sleep': { command: ['sleep', 'infinity'] },
    ...Object.fromEntries(bookinfo),
  }
}

function gatewayEnv({ options, home, registry, discovery }: Surroundings): Record<string, string> {
  const { host, httpPort, httpsPort } = options
  // What was said to `sluice up` about registries holds for the gateways that it runs.
  const settings = agentSettings(process.env)
  const mirrors = [standaloneMirrors(registry), settings['SLUICE_REGISTRY_MIRRORS'] ?? '']
  return {
    ...settings,
    // Its own calls pass no sidecar.
    ...WITHOUT_ENV_PROXY,
    SLUICE_DISCOVERY_ADDRESS: discovery,
    SLUICE_MODULE_CACHE: home.cache,
    SLUICE_REGISTRY_MIRRORS: mirrors.filter((rules) => rules !== '').join(),
    // A gateway listens on all addresses of its Pod. Here the machine's own address takes the place of a load balancer's.
    SLUICE_LISTEN: `0.0.0.0:8080=${host}:${httpPort},0.0.0.0:8443=${host}:${httpsPort}`,
  }
}
