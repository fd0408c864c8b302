import { readFileSync } from 'node:fs'
import { fromJson, isFieldSet, type JsonValue } from '@bufbuild/protobuf'
import { parse } from 'yaml'
import {
  type Bootstrap,
  Bootstrap_DynamicResourcesSchema,
  Bootstrap_StaticResourcesSchema,
  BootstrapSchema,
} from '../../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import { StatsConfigSchema } from '../../gen/envoy/config/metrics/v3/stats_pb.ts'
import { WasmServiceSchema } from '../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { messageOf } from '../errors.ts'
import { statTags } from './admin/stat-tags.ts'
import { registry, unpackAs } from './config/any.ts'
import { invalid, onlyFields, unsupported } from './config/fields.ts'
import { checkNested } from './config/nested.ts'
import type { ServiceConfig } from './filters/wasm/index.ts'

/** Reads a bootstrap from YAML or JSON text (JSON is YAML). `where` names it in errors. */
export function parseBootstrap(text: string, where: string): Bootstrap {
  let json: JsonValue
  try {
    json = parse(text, { merge: true }) as JsonValue
  } catch (error) {
    throw invalid(where, messageOf(error))
  }
  try {
    return fromJson(BootstrapSchema, json, { registry })
  } catch (error) {
    throw invalid(where, messageOf(error))
  }
}

export function readBootstrap(file: string): Bootstrap {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw invalid(file, messageOf(error))
  }
  return parseBootstrap(text, file)
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
  'flags_path',
  'deferred_stat_options',
  'application_log_config',
]

/** Settings about Envoy's own process that change nothing in what is served. */
const OF_ENVOY_ITSELF = [
  'stats_config',
  'stats_flush_interval',
  'layered_runtime',
  'overload_manager',
  'watchdogs',
  'typed_dns_resolver_config',
  'deferred_stat_options',
  'application_log_config',
  'default_regex_engine',
  'flags_path',
]

/** Refuses what this proxy cannot do. */
export function checkBootstrap(bootstrap: Bootstrap): void {
  onlyFields(BootstrapSchema, bootstrap, FIELDS, 'bootstrap')
  if (bootstrap.headerPrefix !== '' && bootstrap.headerPrefix !== 'x-envoy')
    throw unsupported('bootstrap.header_prefix', 'prefixes other than x-envoy')
  checkNested(BootstrapSchema, bootstrap, 'bootstrap')
  backgroundServices(bootstrap)
  statTags(bootstrap)
  if (bootstrap.staticResources !== undefined) {
    onlyFields(
      Bootstrap_StaticResourcesSchema,
      bootstrap.staticResources,
      ['listeners', 'clusters', 'secrets'],
      'bootstrap.static_resources',
    )
  }
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

/** The Wasm services among the bootstrap's extensions; any other kind is refused. */
export function backgroundServices(bootstrap: Bootstrap): ServiceConfig[] {
  return bootstrap.bootstrapExtensions.map(({ name, typedConfig }, i) => {
    const path = `bootstrap.bootstrap_extensions[${i}].typed_config`
    const { config, singleton } = unpackAs(typedConfig, WasmServiceSchema, path)
    return { name, path, config, singleton }
  })
}

/** Which settings of a bootstrap have no effect here, for the log. */
export function settingsWithoutEffect(bootstrap: Bootstrap): string[] {
  return BootstrapSchema.fields
    .filter((field) => OF_ENVOY_ITSELF.includes(field.name))
    .filter((field) => {
      // Its tags are read (admin/stat-tags.ts).
      if (field.name === 'stats_config' && onlyTags(bootstrap)) return false
      const value = (bootstrap as unknown as Record<string, unknown>)[field.localName]
      return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== ''
    })
    .map((field) => field.name)
}

function onlyTags({ statsConfig }: Bootstrap): boolean {
  if (statsConfig === undefined) return true
  return StatsConfigSchema.fields.every((field) => field.name === 'stats_tags' || !isFieldSet(statsConfig, field))
}

/** `host:port` of the management server that `ads_config` names. */
export function adsAddress(bootstrap: Bootstrap): string | undefined {
  const config = bootstrap.dynamicResources?.adsConfig
  if (config === undefined) return undefined
  const where = 'bootstrap.dynamic_resources.ads_config'
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
