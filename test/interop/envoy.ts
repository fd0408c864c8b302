import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../free-ports.ts'
import { fetchText } from '../limited-fetch.ts'
import { Program } from '../program.ts'
import { told } from '../within.ts'

/** A real Envoy that takes everything from a management server. */
export interface EnvoyProcess {
  readonly adminPort: number
  /** What it has logged. */
  log(): string
  admin(path: string): Promise<string>
  stop(): Promise<void>
}

export interface EnvoyOptions {
  readonly path: string
  readonly nodeId: string
  readonly metadata: Record<string, unknown>
  readonly xdsPort: number
  readonly delta: boolean
  /** How long listeners drain; 1 s unless told. */
  readonly drainSeconds?: number
  /** More of its command line. */
  readonly args?: readonly string[]
}

export async function startEnvoy(options: EnvoyOptions): Promise<EnvoyProcess> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-envoy-'))
  const adminPort = await freePort()
  const config = join(dir, 'bootstrap.json')
  writeFileSync(config, JSON.stringify(bootstrap(options, adminPort)))
  // No shared memory (base-id) and no hot restart: several of them may run beside each other.
  const args = ['-c', config, '--concurrency', '1', '--disable-hot-restart', '-l', 'warn']
  const drain = ['--drain-time-s', String(options.drainSeconds ?? 1)]
  const envoy = new Program(options.path, [...args, ...drain, ...(options.args ?? [])], { cwd: dir })
  return {
    adminPort,
    log: () => envoy.log(),
    admin: (path) => fetchText(`http://127.0.0.1:${adminPort}${path}`),
    async stop() {
      await envoy.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function bootstrap({ nodeId, metadata, xdsPort, delta }: EnvoyOptions, adminPort: number): unknown {
  const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })
  return {
    node: { id: nodeId, cluster: 'test', metadata },
    admin: { address: address(adminPort) },
    dynamic_resources: {
      lds_config: { ads: {}, resource_api_version: 'V3' },
      cds_config: { ads: {}, resource_api_version: 'V3' },
      ads_config: {
        api_type: delta ? 'DELTA_GRPC' : 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(xdsPort) } }] }],
          },
        },
      ],
    },
  }
}

/** Tries until it holds; fails after the time with what Envoy logged. */
export async function eventually<T>(
  what: string,
  envoy: EnvoyProcess,
  look: () => Promise<T | undefined>,
  ms = 15_000,
) {
  const deadline = Date.now() + ms
  for (;;) {
    const found = await look().catch(() => undefined)
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(told(`${what} did not happen`, envoy.log()))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
