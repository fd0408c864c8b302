/** For tests: a proxy, upstreams and clients in a few words. */

import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestOptions,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import {
  type AddressInfo,
  connect,
  createServer as createRawServer,
  type Server as RawServer,
  type Socket,
} from 'node:net'
import type { TestContext } from 'node:test'
import { create, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf'
import { type Any, AnySchema, anyPack } from '@bufbuild/protobuf/wkt'
import { parse } from 'yaml'
import { ClusterSchema } from '../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { TypedExtensionConfigSchema } from '../../gen/envoy/config/core/v3/extension_pb.ts'
import { ListenerSchema } from '../../gen/envoy/config/listener/v3/listener_pb.ts'
import { AdsServer, memoryTransport, shortType, TypeUrl } from '../xds/index.ts'
import { type ProxyHandle, type ProxyOptions, parseBootstrap, registry, startProxy } from './index.ts'

/** Something with an address that is to be closed. */
export interface Running {
  readonly port: number
  close(): Promise<void>
}

/** The package of the filters' messages, for `@type`. */
export const FILTERS = 'type.googleapis.com/envoy.extensions.filters'

const ROUTER = `{ name: envoy.filters.http.router, typed_config: { "@type": ${FILTERS}.http.router.v3.Router } }`

/** A listener on any port with one connection manager, as YAML. `hcm` adds fields to the manager. */
export function httpListener(options: {
  name?: string
  routes?: string
  filters?: readonly string[]
  hcm?: string
  listener?: string
  chain?: string
}): string {
  const {
    name = 'web',
    routes = '[{ match: { prefix: / }, route: { cluster: up } }]',
    filters = [],
    hcm = '',
    listener = '',
    chain = '',
  } = options
  const specifier =
    hcm.includes('rds:') || hcm.includes('route_config:')
      ? ''
      : `route_config: { name: local, virtual_hosts: [{ name: all, domains: ["*"], routes: ${routes} }] }`
  return `
name: ${name}
address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
${listener}
filter_chains:
- ${chain === '' ? '' : `${chain}\n  `}filters:
  - name: hcm
    typed_config:
      "@type": ${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager
      stat_prefix: ${name}
      ${specifier}
      http_filters: [${[...filters, ROUTER].join(', ')}]
      ${hcm.replaceAll('\n', '\n      ')}
`
}

/** For `cluster`: it speaks HTTP/2. */
export const H2_UPSTREAM = `typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: { http2_protocol_options: {} }`

/** A cluster as YAML, its endpoints on this machine; `extra` are lines behind it. */
export function cluster(port: number | readonly number[], extra = '', name = 'up'): string {
  const ports = typeof port === 'number' ? [port] : port
  const endpoints = ports.map(
    (p) => `{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${p} } } } }`,
  )
  return `
name: ${name}
type: STATIC
connect_timeout: 1s
load_assignment: { cluster_name: ${name}, endpoints: [{ lb_endpoints: [${endpoints.join(', ')}] }] }
${extra}
`
}

function indent(text: string): string {
  return text.trim().replaceAll('\n', '\n    ')
}

/** A proxy with one worker and these listeners and clusters; `more` is YAML of the bootstrap, `secrets` are in flow style. */
export function testProxy(
  listeners: readonly string[],
  clusters: readonly string[],
  options: Partial<ProxyOptions> = {},
  more = '',
  secrets: readonly string[] = [],
): Promise<ProxyHandle> {
  const yaml = `
${more}
static_resources:
  secrets: [${secrets.join(', ')}]
  listeners:
${listeners.map((text) => `  - ${indent(text)}`).join('\n')}
  clusters:
${clusters.map((text) => `  - ${indent(text)}`).join('\n')}
`
  return startProxy({ bootstrap: parseBootstrap(yaml, 'test'), workers: 1, ...options })
}

/** The port that a listener was given. Throws where there is none of the name. */
export function portOf(proxy: ProxyHandle, name = 'web'): number {
  const found = proxy.listeners().find((listener) => listener.name === name)
  if (found === undefined) throw new Error(`no listener ${name}`)
  return found.port
}

/** An HTTP upstream. Without a handler it answers with what it saw. */
export async function upstream(
  handler?: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<Running & { readonly requests: string[]; readonly server: Server }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('latin1').on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      requests.push(`${request.method} ${request.url}`)
      if (handler !== undefined) handler(request, response, body)
      else
        response.end(
          JSON.stringify({
            method: request.method,
            url: request.url,
            headers: request.headers,
            raw: request.rawHeaders,
            body,
          }),
        )
    })
    request.on('error', () => {})
  })
  // Node would close a connection that idled for five seconds just when the next test uses it.
  server.keepAliveTimeout = 0
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    requests,
    server,
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** An upstream that speaks bytes. */
export async function rawUpstream(
  onConnection: (socket: Socket) => void,
  options: { readonly allowHalfOpen?: boolean } = {},
): Promise<Running & { readonly sockets: Set<Socket> }> {
  const sockets = new Set<Socket>()
  const server: RawServer = createRawServer(options, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    sockets,
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A whole response, trailers included. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly trailers: IncomingMessage['trailers']
}

/** One request on a connection of its own. */
export function get(port: number, path = '/', options: RequestOptions & { body?: string } = {}): Promise<Answer> {
  const { body, ...rest } = options
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, agent: false, ...rest }, (response) => {
      let text = ''
      response.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: text,
          trailers: response.trailers,
        }),
      )
      response.on('error', reject)
    })
    call.on('error', reject)
    call.end(body)
  })
}

/** Sends bytes, returns all that comes back until the peer closes or is silent for `quietMs`. */
export function exchange(port: number, bytes: string | readonly string[], quietMs = 300): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    let timer = setTimeout(done, 2000)
    function done(): void {
      clearTimeout(timer)
      socket.destroy()
      resolve(text)
    }
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      clearTimeout(timer)
      timer = setTimeout(done, quietMs)
    })
    socket.on('error', done)
    socket.on('close', done)
    const parts = typeof bytes === 'string' ? [bytes] : bytes
    socket.on('connect', async () => {
      for (const part of parts) {
        socket.write(part, 'latin1')
        if (parts.length === 1) break
        await new Promise((r) => setTimeout(r, 1))
        // A busy machine takes long for many parts.
        if (text !== '' || socket.destroyed) continue
        clearTimeout(timer)
        timer = setTimeout(done, 2000)
      }
    })
  })
}

/** An `Any` of a resource written as YAML with `@type`. */
export function anyYaml(yaml: string): Any {
  return fromJson(AnySchema, parse(yaml) as JsonValue, { registry })
}

/** A listener as a management server sends it. */
export function listenerAny(yaml: string): Any {
  return anyPack(ListenerSchema, fromJson(ListenerSchema, parse(yaml) as JsonValue, { registry }))
}

/** Likewise a cluster. */
export function clusterAny(yaml: string): Any {
  return anyPack(ClusterSchema, fromJson(ClusterSchema, parse(yaml) as JsonValue, { registry }))
}

/** An ECDS resource of that name. */
export function extensionAny(name: string, yaml: string): Any {
  const proto = create(TypedExtensionConfigSchema, { name, typedConfig: anyYaml(yaml) })
  return create(AnySchema, { typeUrl: TypeUrl.extension, value: toBinary(TypedExtensionConfigSchema, proto) })
}

/** A control plane in this process that says what became of each push. */
export class TestControl {
  readonly acks: string[] = []
  readonly nacks: { readonly type: string; readonly error: string }[] = []
  readonly server: AdsServer
  #resources: Record<string, Map<string, Any>> = {}
  #version = 0

  constructor() {
    this.server = new AdsServer({
      onAck: ({ typeUrl, version }) => this.acks.push(`${shortType(typeUrl)} ${version}`),
      onNack: ({ typeUrl, error }) => this.nacks.push({ type: shortType(typeUrl), error }),
    })
  }

  get transport() {
    return memoryTransport(this.server)
  }

  set(typeUrl: string, resources: Readonly<Record<string, Any>>): this {
    this.#resources = { ...this.#resources, [typeUrl]: new Map(Object.entries(resources)) }
    return this
  }

  /** Sends what differs; returns the version that it is sent under. */
  push(): string {
    this.server.setSnapshot('test', this.#resources, String(++this.#version))
    return String(this.#version)
  }
}

/** Keeps what is written to stderr from now on, by data threads as well, and gives all of it so far. */
export function takeStderr(t: TestContext): () => string {
  let written = ''
  t.mock.method(process.stderr, 'write', (chunk: string | Uint8Array, ...rest: unknown[]) => {
    written += Buffer.from(chunk as string).toString()
    const done = rest.at(-1)
    if (typeof done === 'function') done()
    return true
  })
  return () => written
}

/** A promise for something that becomes true soon. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what = 'condition',
  ms = 20_000,
): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`timed out waiting for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
