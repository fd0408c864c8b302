import type { NeededPort } from './ports.ts'

/** Where each part listens. Ports are those of Istio where Istio has one. */
export interface StandaloneOptions {
  /** The address of the API server, registry, control plane and gateway; loopback unless told. */
  readonly host: string
  readonly apiPort: number
  readonly registryPort: number
  readonly xdsPort: number
  readonly monitoringPort: number
  readonly httpPort: number
  readonly httpsPort: number
  /** Keep nothing: a store in memory, registry and cache in a folder that goes away. */
  readonly ephemeral: boolean
  /** Start the Bookinfo sample. */
  readonly samples: boolean
}

export const DEFAULTS: StandaloneOptions = {
  host: '127.0.0.1',
  apiPort: 6443,
  registryPort: 5000,
  xdsPort: 15010,
  monitoringPort: 15014,
  httpPort: 8080,
  httpsPort: 8443,
  ephemeral: false,
  samples: true,
}

/** The ports to check before anything starts. */
export function neededPorts(options: StandaloneOptions): NeededPort[] {
  const { host } = options
  return [
    { host, port: options.apiPort, use: 'Kubernetes API', option: 'api-port' },
    { host, port: options.registryPort, use: 'OCI registry', option: 'registry-port' },
    { host, port: options.xdsPort, use: 'xDS', option: 'xds-port' },
    { host, port: options.monitoringPort, use: 'control plane metrics', option: 'monitoring-port' },
    { host, port: options.httpPort, use: 'gateway, HTTP', option: 'http-port' },
    { host, port: options.httpsPort, use: 'gateway, HTTPS', option: 'https-port' },
  ]
}
