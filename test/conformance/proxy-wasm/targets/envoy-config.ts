import { type Case, filterOf, isService, isTcp } from '../case.ts'
import type { ServicePlaces } from './services.ts'

const VMS = 32

const TYPE = 'type.googleapis.com/envoy'
const HTTP2 = { explicit_http_config: { http2_protocol_options: {} } }

/** Envoy's configuration of a case's plugin. A module that is named by several cases with one VM id makes one VM. */
function pluginConfig(one: Case, module: string): object {
  const { plugin = {} } = one
  const { allowedCapabilities, environment, vmConfig, failurePolicy, allowOnHeadersStopIteration } = plugin
  return {
    name: one.id,
    root_id: plugin.rootId ?? one.id,
    vm_config: {
      vm_id: plugin.vmId ?? 'shared',
      runtime: 'envoy.wasm.runtime.v8',
      code: { local: { filename: module } },
      configuration: text(vmConfig ?? groupOf(one.id)),
      ...(environment === undefined ? {} : { environment_variables: { key_values: environment } }),
    },
    configuration: text(one.config ?? ''),
    ...(failurePolicy === undefined ? {} : { failure_policy: failurePolicy }),
    ...(allowOnHeadersStopIteration === undefined
      ? {}
      : { allow_on_headers_stop_iteration: allowOnHeadersStopIteration }),
    ...(allowedCapabilities === undefined
      ? {}
      : {
          capability_restriction_config: {
            allowed_capabilities: Object.fromEntries(allowedCapabilities.map((name) => [name, {}])),
          },
        }),
  }
}

/** Cases without a VM configuration of their own share a few VMs, not one: our host bounds how fast a VM may log. */
function groupOf(id: string): string {
  let sum = 0
  for (let i = 0; i < id.length; i++) sum = (sum * 31 + id.charCodeAt(i)) % 9973
  return `group ${sum % VMS}`
}

/** A listener with the case's plugin in it. */
export function listener(one: Case, module: string, address: object, places: ServicePlaces): object {
  const filters = isTcp(one.kind) ? tcpFilters(one, module) : [httpManager(one, module, places)]
  return {
    name: one.id,
    address,
    // Small, so that cases can reach it.
    per_connection_buffer_limit_bytes: 65536,
    filter_chains: [{ filters }],
  }
}

function tcpFilters(one: Case, module: string): object[] {
  const wasm = `${TYPE}.extensions.filters.network.wasm.v3.Wasm`
  const filter = { name: 'wasm', typed_config: { '@type': wasm, config: pluginConfig(one, module) } }
  const proxy = {
    '@type': `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: 'tcp',
    cluster: 'echo',
    ...(one.kind === 'tcp-access-log' ? { access_log: [accessLog(one, module)] } : {}),
  }
  return [...(one.kind === 'tcp' ? [filter] : []), { name: 'tcp', typed_config: proxy }]
}

function httpManager(one: Case, module: string, { accessLog: file }: ServicePlaces): object {
  const router = `${TYPE}.extensions.filters.http.router.v3.Router`
  return {
    name: 'http',
    typed_config: {
      '@type': `${TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'http',
      generate_request_id: false,
      server_header_transformation: 'PASS_THROUGH',
      http_protocol_options: { enable_trailers: true },
      route_config: routes(one),
      ...(one.kind === 'access-log' ? { access_log: [accessLog(one, module)] } : {}),
      ...(one.accessLog === true ? { access_log: [fileLog(one.id, file)] } : {}),
      http_filters: [
        ...httpFilters(one, module),
        { name: 'router', typed_config: { '@type': router, suppress_envoy_headers: true } },
      ],
    },
  }
}

function httpFilters(one: Case, module: string): object[] {
  const wasm = `${TYPE}.extensions.filters.http.wasm.v3.Wasm`
  const filter = (config: object) => [{ name: 'wasm', typed_config: { '@type': wasm, config } }]
  if (one.kind === undefined || one.kind === 'http') {
    const first = filter(pluginConfig(one, module))
    return one.second === undefined ? first : [...first, ...filter(pluginConfig(secondOf(one), module))]
  }
  const companion = filterOf(one)
  return companion === undefined ? [] : filter(pluginConfig(companion, module))
}

function secondOf(one: Case): Case {
  const { second, secondVmId, plugin } = one
  const vm = secondVmId === undefined ? {} : { vmId: secondVmId }
  return { ...one, ...(second === undefined ? {} : { config: second }), plugin: { ...plugin, ...vm } }
}

function fileLog(id: string, path: string): object {
  const format = `${id} %REQ(X-NTH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n`
  const type = `${TYPE}.extensions.access_loggers.file.v3.FileAccessLog`
  const typed = { '@type': type, path, log_format: { text_format_source: { inline_string: format } } }
  return { name: 'envoy.access_loggers.file', typed_config: typed }
}

function accessLog(one: Case, module: string): object {
  const type = `${TYPE}.extensions.access_loggers.wasm.v3.WasmAccessLog`
  return { name: 'envoy.access_loggers.wasm', typed_config: { '@type': type, config: pluginConfig(one, module) } }
}

/** The services among the cases, for the bootstrap; absent where there are none. */
export function services(cases: readonly Case[], moduleOf: (one: Case) => string): object {
  const all = cases.filter(({ kind }) => isService(kind))
  if (all.length === 0) return {}
  return {
    bootstrap_extensions: all.map((one) => ({
      name: 'envoy.bootstrap.wasm',
      typed_config: {
        '@type': `${TYPE}.extensions.wasm.v3.WasmService`,
        config: pluginConfig(one, moduleOf(one)),
        singleton: one.kind === 'singleton',
      },
    })),
  }
}

/** `/other` and a request with x-route: other go to a route of another name, for cases about the route cache. */
function routes(one: Case): object {
  const added = (route: string) => [
    { header: { key: 'x-case', value: one.id }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
    { header: { key: 'x-route-name', value: route }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
  ]
  const route = (name: string, match: object) => ({
    name,
    match,
    route: { cluster: one.upstreamHttp2 === true ? 'upstream-http2' : 'upstream', timeout: '3s' },
    request_headers_to_add: added(name),
    metadata: { filter_metadata: { test: { team: 'blue', size: 3 } } },
  })
  const byHeader = { prefix: '/', headers: [{ name: 'x-route', string_match: { exact: 'other' } }] }
  return {
    name: 'routes',
    virtual_hosts: [
      {
        name: 'all',
        domains: ['*'],
        routes: [route('other', byHeader), route('other', { prefix: '/other' }), route('main', { prefix: '/' })],
      },
    ],
  }
}

/** All but the listeners. */
export function bootstrap(places: ServicePlaces): object {
  return {
    node: {
      id: 'node-1',
      cluster: 'cluster-1',
      metadata: { TEAM: 'red', LABELS: { app: 'probe' } },
      locality: { region: 'r1' },
    },
    static_resources: { clusters: clusters(places) },
  }
}

function clusters(places: ServicePlaces): object[] {
  const options = `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`
  const protocol = (config: object) => ({
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': { '@type': options, ...config },
    },
  })
  return [
    {
      ...cluster('upstream', places.upstream),
      ...protocol({ explicit_http_config: { http_protocol_options: { enable_trailers: true } } }),
    },
    ...[cluster('grpc', places.grpc), cluster('upstream-http2', places.upstreamHttp2)].map((one) => ({
      ...one,
      ...protocol(HTTP2),
    })),
    cluster('echo', places.echo),
    { name: 'empty', type: 'STATIC', connect_timeout: '1s' },
    cluster('refusing', `${places.upstream}.none`),
    { ...cluster('grpc-refusing', `${places.grpc}.none`), ...protocol(HTTP2) },
  ]
}

function cluster(name: string, path: string): object {
  const endpoint = { endpoint: { address: { pipe: { path } } } }
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint] }] },
  }
}

function text(value: string): object {
  return { '@type': 'type.googleapis.com/google.protobuf.StringValue', value }
}
