import { clone, create, type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf'
import { type Any, AnySchema, anyPack } from '@bufbuild/protobuf/wkt'
import { AsyncDataSourceSchema, DataSourceSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { TypedExtensionConfigSchema } from '../../../gen/envoy/config/core/v3/extension_pb.ts'
import { RBAC_Action, RBACSchema as RulesSchema } from '../../../gen/envoy/config/rbac/v3/rbac_pb.ts'
import { RBACSchema as HttpRbacSchema } from '../../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts'
import { WasmSchema as HttpWasmSchema } from '../../../gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts'
import { RBACSchema as NetworkRbacSchema } from '../../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts'
import { WasmSchema as NetworkWasmSchema } from '../../../gen/envoy/extensions/filters/network/wasm/v3/wasm_pb.ts'
import { FailurePolicy, type PluginConfig, PluginConfigSchema } from '../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { TypeUrl, WasmEnv } from '../../xds/index.ts'
import type { FilterKind, WasmExtension } from './decode.ts'

/** What traffic meets where the module should be. */
export type Fallback = 'allow' | 'deny'

/** FAIL_OPEN lets traffic pass; FAIL_CLOSED and FAIL_RELOAD do not. Without a policy the older field counts (Istio's agent). */
export function fallbackOf(plugin: PluginConfig): Fallback {
  const policy = plugin.failurePolicy
  if (policy !== FailurePolicy.UNSPECIFIED) return policy === FailurePolicy.FAIL_OPEN ? 'allow' : 'deny'
  return plugin.failOpen ? 'allow' : 'deny'
}

/** The RBAC filter that stands in for a module, under the same name: 403 for HTTP, a closed connection for TCP. */
export function encodeFallback(name: string, kind: FilterKind, fallback: Fallback): Any {
  // Rules without any policy and with action ALLOW match nothing, so they deny everything; no rules at all let everything pass.
  const rules = fallback === 'deny' ? { rules: create(RulesSchema, { action: RBAC_Action.ALLOW }) } : {}
  const prefix = `wasm-default-${fallback}`
  return kind === 'http'
    ? encode(name, HttpRbacSchema, create(HttpRbacSchema, { ...rules, rulesStatPrefix: prefix }))
    : encode(name, NetworkRbacSchema, create(NetworkRbacSchema, { ...rules, statPrefix: prefix }))
}

/** The plugin with its module in this file; undefined keeps the code that it has. */
export function localPlugin({ plugin }: WasmExtension, path: string | undefined): PluginConfig {
  const config = clone(PluginConfigSchema, plugin)
  if (path !== undefined && config.vm.case === 'vmConfig') {
    const value = create(DataSourceSchema, { specifier: { case: 'filename', value: path } })
    config.vm.value.code = create(AsyncDataSourceSchema, { specifier: { case: 'local', value } })
  }
  return config
}

/** What Envoy may see: it would hand the note for Sluice's proxy to the module. */
export function withoutHostSettings(config: PluginConfig): PluginConfig {
  const copy = clone(PluginConfigSchema, config)
  const vm = copy.vm.case === 'vmConfig' ? copy.vm.value : undefined
  const env = vm?.environmentVariables
  if (vm === undefined || env === undefined) return copy
  delete env.keyValues[WasmEnv.host]
  if (Object.keys(env.keyValues).length === 0 && env.hostEnvKeys.length === 0) vm.environmentVariables = undefined
  return copy
}

/** The resource of a Wasm filter, always as a plain message (Istio's agent does not keep a TypedStruct either). */
export function encodeWasm({ name, kind }: WasmExtension, config: PluginConfig): Any {
  return kind === 'http'
    ? encode(name, HttpWasmSchema, create(HttpWasmSchema, { config }))
    : encode(name, NetworkWasmSchema, create(NetworkWasmSchema, { config }))
}

function encode<Desc extends DescMessage>(name: string, schema: Desc, message: MessageShape<Desc>): Any {
  const typed = create(TypedExtensionConfigSchema, { name, typedConfig: anyPack(schema, message) })
  const value = toBinary(TypedExtensionConfigSchema, typed)
  return create(AnySchema, { typeUrl: TypeUrl.extension, value })
}
