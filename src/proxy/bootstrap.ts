import { readFileSync } from 'node:fs'
import { isFieldSet } from '@bufbuild/protobuf'
import {
  type Bootstrap,
  Bootstrap_DynamicResourcesSchema,
  Bootstrap_StaticResourcesSchema,
  BootstrapSchema,
} from '../../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import { ApiConfigSource_ApiType } from '../../gen/envoy/config/core/v3/config_source_pb.ts'
import type { TypedExtensionConfig } from '../../gen/envoy/config/core/v3/extension_pb.ts'
import { StatsConfigSchema } from '../../gen/envoy/config/metrics/v3/stats_pb.ts'
import { InternalListenerSchema } from '../../gen/envoy/extensions/bootstrap/internal_listener/v3/internal_listener_pb.ts'
import {
  type CaresDnsResolverConfig,
  CaresDnsResolverConfigSchema,
} from '../../gen/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.ts'
import { GetAddrInfoDnsResolverConfigSchema } from '../../gen/envoy/extensions/network/dns_resolver/getaddrinfo/v3/getaddrinfo_dns_resolver_pb.ts'
import { GoogleRE2Schema } from '../../gen/envoy/extensions/regex_engines/v3/google_re2_pb.ts'
import { WasmServiceSchema } from '../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { statTags } from './admin/stat-tags.ts'
import { messageName, unpack, unpackAs } from './config/any.ts'
import { fetchTimeoutMs } from './config/fetch-timeout.ts'
import { invalid, onlyFields, unsupported } from './config/fields.ts'
import { checkNested } from './config/nested.ts'
import { parseMessage } from './config/text.ts'
import type { ServiceConfig } from './filters/wasm/index.ts'
import { overloadConfig } from './overload/overload-config.ts'
import { runtimeKeysWithoutEffect } from './overload/runtime.ts'

/** Reads a bootstrap from YAML or JSON text (JSON is YAML). `where` names it in errors. */
export function parseBootstrap(text: string, where: string): Bootstrap {
  return parseMessage(BootstrapSchema, text, where)
}

/** A bootstrap may be written as YAML whatever the file's name, unlike other files of messages. */
export function readBootstrap(file: string): Bootstrap {
  return parseBootstrap(readFileSync(file, 'utf8'), file)
}

const FIELDS = [
  'node',
  'static_resources',
  'dynamic_resources',
  'admin',
  'stats_config',
  'stats_flush_interval',
  'layered_runtime',
  'cluster_manager',
  'overload_manager',
  'watchdogs',
  'typed_dns_resolver_config',
  'default_regex_engine',
  'header_prefix',
  'bootstrap_extensions',
  'deferred_stat_options',
  'application_log_config',
]

/** Settings about Envoy's own process that change nothing in what is served. */
const OF_ENVOY_ITSELF = [
  'stats_config',
  'stats_flush_interval',
  'watchdogs',
  'deferred_stat_options',
  'application_log_config',
]

/** Refuses what this proxy cannot do. */
export function checkBootstrap(bootstrap: Bootstrap): void {
  onlyFields(BootstrapSchema, bootstrap, FIELDS, 'bootstrap')
  if (bootstrap.headerPrefix !== '' && bootstrap.headerPrefix !== 'x-envoy')
    throw unsupported('bootstrap.header_prefix', 'prefixes other than x-envoy')
  checkNested(BootstrapSchema, bootstrap, 'bootstrap')
  backgroundServices(bootstrap)
  statTags(bootstrap)
  overloadConfig(bootstrap)
  checkResolver(bootstrap.typedDnsResolverConfig, 'bootstrap.typed_dns_resolver_config.typed_config')
  const engine = bootstrap.defaultRegexEngine
  if (engine !== undefined) unpackAs(engine.typedConfig, GoogleRE2Schema, 'bootstrap.default_regex_engine.typed_config')
  if (bootstrap.staticResources !== undefined) {
    onlyFields(
      Bootstrap_StaticResourcesSchema,
      bootstrap.staticResources,
      ['listeners', 'clusters', 'secrets'],
      'bootstrap.static_resources',
    )
  }
  const local = bootstrap.clusterManager?.localClusterName ?? ''
  if (local !== '' && bootstrap.staticResources?.clusters.some(({ name }) => name === local) !== true)
    throw invalid('bootstrap.cluster_manager.local_cluster_name', `there is no static cluster "${local}"`)
  const dynamic = bootstrap.dynamicResources
  if (dynamic === undefined) return
  onlyFields(
    Bootstrap_DynamicResourcesSchema,
    dynamic,
    ['ads_config', 'lds_config', 'cds_config'],
    'bootstrap.dynamic_resources',
  )
  for (const [field, source] of [
    ['lds_config', dynamic.ldsConfig],
    ['cds_config', dynamic.cdsConfig],
  ] as const) {
    if (source !== undefined && source.configSourceSpecifier.case !== 'ads') {
      throw unsupported(
        `bootstrap.dynamic_resources.${field}`,
        `${source.configSourceSpecifier.case}; only ads is supported`,
      )
    }
  }
}

/** Names are looked up as the system does it (getaddrinfo), which is what c-ares without settings of its own comes to. */
function checkResolver(config: TypedExtensionConfig | undefined, path: string): void {
  if (config === undefined) return
  const { typeName, message } = unpack(config.typedConfig, path)
  if (typeName === CaresDnsResolverConfigSchema.typeName)
    onlyFields(CaresDnsResolverConfigSchema, message as CaresDnsResolverConfig, ['udp_max_queries'], path)
  else if (typeName !== GetAddrInfoDnsResolverConfigSchema.typeName) throw unsupported(path, `DNS resolver ${typeName}`)
}

/** The Wasm services among the bootstrap's extensions; any other kind is refused. */
export function backgroundServices(bootstrap: Bootstrap): ServiceConfig[] {
  return bootstrap.bootstrapExtensions.flatMap(({ name, typedConfig }, i) => {
    const path = `bootstrap.bootstrap_extensions[${i}].typed_config`
    // Turns on in Envoy what is always there here; the pipes hold 64 KiB each way, whatever it says.
    if (messageName(typedConfig?.typeUrl ?? '') === InternalListenerSchema.typeName) return []
    const { config, singleton } = unpackAs(typedConfig, WasmServiceSchema, path)
    return [{ name, path, config, singleton }]
  })
}

/** Which settings of a bootstrap have no effect here, for the log. */
export function settingsWithoutEffect(bootstrap: Bootstrap): string[] {
  const fields = BootstrapSchema.fields
    .filter((field) => OF_ENVOY_ITSELF.includes(field.name))
    .filter((field) => {
      // Its tags are read (admin/stat-tags.ts).
      if (field.name === 'stats_config' && onlyTags(bootstrap)) return false
      const value = (bootstrap as unknown as Record<string, unknown>)[field.localName]
      return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== ''
    })
    .map((field) => field.name)
  const adminLog = (bootstrap.admin?.accessLog.length ?? 0) > 0 || Boolean(bootstrap.admin?.accessLogPath)
  return [...fields, ...(adminLog ? ['admin.access_log'] : []), ...runtimeKeysWithoutEffect(bootstrap)]
}

function onlyTags({ statsConfig }: Bootstrap): boolean {
  if (statsConfig === undefined) return true
  return StatsConfigSchema.fields.every((field) => field.name === 'stats_tags' || !isFieldSet(statsConfig, field))
}

/** How long the first clusters are waited for, 0 for ever; undefined: only listeners come from the management server. */
export function clustersTimeoutMs({ dynamicResources }: Bootstrap): number | undefined {
  const { cdsConfig, ldsConfig } = dynamicResources ?? {}
  if (cdsConfig === undefined && ldsConfig !== undefined) return undefined
  return fetchTimeoutMs(cdsConfig)
}

/** `host:port` of the management server that `ads_config` names. */
export function adsAddress(bootstrap: Bootstrap): string | undefined {
  const config = bootstrap.dynamicResources?.adsConfig
  if (config === undefined) return undefined
  const where = 'bootstrap.dynamic_resources.ads_config'
  if (config.apiType !== ApiConfigSource_ApiType.GRPC && config.apiType !== ApiConfigSource_ApiType.DELTA_GRPC)
    throw unsupported(`${where}.api_type`, 'types other than GRPC and DELTA_GRPC')
  const target = config.grpcServices[0]?.targetSpecifier
  if (target?.case === 'googleGrpc') return target.value.targetUri
  if (target?.case !== 'envoyGrpc') throw invalid(`${where}.grpc_services`, 'a gRPC service is missing')
  const name = target.value.clusterName
  const cluster = bootstrap.staticResources?.clusters.find((one) => one.name === name)
  const endpoint = cluster?.loadAssignment?.endpoints[0]?.lbEndpoints[0]?.hostIdentifier
  const address = endpoint?.case === 'endpoint' ? endpoint.value.address?.address : undefined
  if (address?.case !== 'socketAddress' || address.value.portSpecifier.case !== 'portValue') {
    throw invalid(`${where}.grpc_services`, `cluster ${name} has no static endpoint`)
  }
  return `${address.value.address}:${address.value.portSpecifier.value}`
}

/** Whether `ads_config` names the delta protocol. */
export function asksByDelta({ dynamicResources }: Bootstrap): boolean {
  return dynamicResources?.adsConfig?.apiType === ApiConfigSource_ApiType.DELTA_GRPC
}
