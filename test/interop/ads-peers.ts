import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Any } from '@bufbuild/protobuf/wkt'
import { eventually } from '../../src/proxy/testing.ts'
import { type GrpcServer, serveGrpc } from '../../src/xds/grpc-server.ts'
import { AdsServer, TypeUrl } from '../../src/xds/index.ts'
import { fetchText, limitedFetch } from '../limited-fetch.ts'
import { type RunningProxy, startBoth } from '../parity/proxies.ts'
import { within } from '../within.ts'

const NODE = 'node'
const OPTIONS = 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/** Resources of one type by name. */
export type Resources = Readonly<Record<string, Any>>

/** A real Envoy and Sluice that take all they have from one management server. */
export class AdsPeers {
  readonly proxies: readonly RunningProxy[]
  readonly #server: AdsServer
  readonly #grpc: GrpcServer
  readonly #home: string
  #version = 0

  private constructor(server: AdsServer, grpc: GrpcServer, home: string, proxies: readonly RunningProxy[]) {
    this.#server = server
    this.#grpc = grpc
    this.#home = home
    this.proxies = proxies
  }

  static async start(program: string): Promise<AdsPeers> {
    const home = mkdtempSync(join(tmpdir(), 'sluice-ads-peers-'))
    const server = new AdsServer()
    const grpc = await serveGrpc(server, '127.0.0.1', 0)
    const config = bootstrap(grpc.port)
    const none = { [TypeUrl.cluster]: new Map(), [TypeUrl.listener]: new Map() }
    server.setSnapshot(NODE, none, '0')
    try {
      const peers = new AdsPeers(server, grpc, home, await startBoth(program, config, home))
      // The first clusters that each hears of are none: it would wait for others before it asks for listeners.
      for (const { admin } of peers.proxies)
        await eventually(async () => (await limitedFetch(`http://${admin}/ready`)).ok, 'a proxy')
      return peers
    } catch (error) {
      await grpc.close()
      throw error
    }
  }

  push(clusters: Resources, listeners: Resources, secrets: Resources = {}): void {
    this.pushAll({ [TypeUrl.cluster]: clusters, [TypeUrl.listener]: listeners, [TypeUrl.secret]: secrets })
  }

  /** All that there is by its type. */
  pushAll(resources: Readonly<Record<string, Resources>>): void {
    const all = Object.entries(resources).map(([type, some]) => [type, new Map(Object.entries(some))])
    this.#server.setSnapshot(NODE, Object.fromEntries(all), String(++this.#version))
  }

  /** The port of a listener, once it is there. */
  async port({ admin }: RunningProxy, name: string): Promise<number> {
    let port = 0
    await eventually(async () => {
      const told = (await (await limitedFetch(`http://${admin}/listeners?format=json`)).json()) as ListenersStatus
      const found = told.listener_statuses?.find((one) => one.name === name)
      port = found?.local_address.socket_address.port_value ?? 0
      return port !== 0
    }, `listener ${name}`)
    return port
  }

  async admin({ admin }: RunningProxy, path: string): Promise<string> {
    return fetchText(`http://${admin}${path}`)
  }

  async stop(): Promise<void> {
    for (const proxy of this.proxies) await proxy.stop()
    await within('the management server to close', this.#grpc.close())
    rmSync(this.#home, { recursive: true })
  }
}

interface ListenersStatus {
  listener_statuses?: { name: string; local_address: { socket_address: { port_value: number } } }[]
}

function bootstrap(port: number): unknown {
  const address = (value: number) => ({ socket_address: { address: '127.0.0.1', port_value: value } })
  const ads = { ads: {}, resource_api_version: 'V3' }
  const http2 = {
    [OPTIONS.slice(OPTIONS.indexOf('/') + 1)]: {
      '@type': OPTIONS,
      explicit_http_config: { http2_protocol_options: {} },
    },
  }
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }]
  return {
    node: { id: NODE, cluster: 'cluster' },
    admin: { address: address(0) },
    dynamic_resources: {
      lds_config: ads,
      cds_config: ads,
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          typed_extension_protocol_options: http2,
          load_assignment: { cluster_name: 'xds', endpoints },
        },
      ],
    },
  }
}
