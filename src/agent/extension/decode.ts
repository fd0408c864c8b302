import { clone, fromBinary, fromJson, type JsonValue } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import {
  type TypedExtensionConfig,
  TypedExtensionConfigSchema,
} from '../../../gen/envoy/config/core/v3/extension_pb.ts'
import {
  type Wasm as HttpWasm,
  WasmSchema as HttpWasmSchema,
} from '../../../gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts'
import { WasmSchema as NetworkWasmSchema } from '../../../gen/envoy/extensions/filters/network/wasm/v3/wasm_pb.ts'
import type { PluginConfig, VmConfig } from '../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { TypedStructSchema as UdpaTypedStructSchema } from '../../../gen/udpa/type/v1/typed_struct_pb.ts'
import { TypedStructSchema as XdsTypedStructSchema } from '../../../gen/xds/type/v3/typed_struct_pb.ts'
import { messageOf } from '../../errors.ts'
import { SupplyError } from '../../oci/index.ts'
import { ConfigType, decodeRequirements, type SignatureRequirement, WASM_ENV_PREFIX, WasmEnv } from '../../xds/index.ts'
import { registry } from '../../xds/registry.ts'

/** In which chain a filter stands. */
export type FilterKind = 'http' | 'network'

/** An ECDS resource as far as the agent cares. */
export type Extension = PassedExtension | WasmExtension

/** Not a Wasm filter: goes to the proxy as it came. */
export interface PassedExtension {
  readonly kind: 'other'
  readonly name: string
  readonly resource: Any
}

/** A Wasm filter. `plugin` is a copy that has lost the control plane's private notes (they are in `meta`) but the one for the proxy. */
export interface WasmExtension {
  readonly kind: FilterKind
  readonly name: string
  readonly plugin: PluginConfig
  readonly vm: VmConfig
  readonly code: 'remote' | 'local'
  readonly meta: WasmMeta
}

/** What `ISTIO_META_*` said. */
export interface WasmMeta {
  readonly pullSecret: string | undefined
  readonly pullPolicy: string | undefined
  readonly resourceVersion: string | undefined
  readonly verificationKey: string | undefined
  readonly signatures: readonly SignatureRequirement[]
  readonly localSha256: string | undefined
}

/**
 * Reads an ECDS resource (Istio's tryUnmarshal). Throws SL3028 for what no control plane may send: that is NACKed. Everything that
 * can go wrong with a module later is not an error of the resource.
 */
export function decodeExtension(resource: Any): Extension {
  let typed: TypedExtensionConfig
  try {
    typed = fromBinary(TypedExtensionConfigSchema, resource.value)
  } catch (error) {
    throw structural(`the resource is no TypedExtensionConfig: ${messageOf(error)}`)
  }
  const { name, typedConfig } = typed
  if (typedConfig === undefined) throw structural(`${name} has no typed config`)
  const found = decodeConfig(name, typedConfig)
  if (found === undefined) return { kind: 'other', name, resource }
  const { kind, wasm } = found
  const label = kind === 'http' ? 'HTTP' : 'Network'
  const plugin = wasm.config
  const vm = plugin?.vm.case === 'vmConfig' ? plugin.vm.value : undefined
  const code = vm?.code?.specifier.case
  if (plugin === undefined || vm === undefined || code === undefined) {
    throw structural(`no remote and local load found in Wasm ${label} filter ${name}`)
  }
  return { kind, name, plugin, vm, code, meta: takeMeta(vm) }
}

function decodeConfig(name: string, config: Any): { kind: FilterKind; wasm: HttpWasm } | undefined {
  try {
    const direct = kindOf(config.typeUrl)
    if (direct !== undefined) return { kind: direct, wasm: decodeWasm(direct, config.value) }
    const inner = typedStruct(config)
    const kind = inner === undefined ? undefined : kindOf(inner.typeUrl)
    if (inner === undefined || kind === undefined) return undefined
    // Unknown fields are an error: a misspelt `sha256` must not mean "no check".
    const schema = kind === 'http' ? HttpWasmSchema : NetworkWasmSchema
    return { kind, wasm: fromJson(schema, inner.value, { registry }) as HttpWasm }
  } catch (error) {
    throw structural(`${name} cannot be read: ${messageOf(error)}`)
  }
}

/** The two messages have the same single field; one type serves both. */
function decodeWasm(kind: FilterKind, value: Uint8Array): HttpWasm {
  // A decoded message may share memory with the frozen resource; the copy is ours to change.
  if (kind === 'http') return clone(HttpWasmSchema, fromBinary(HttpWasmSchema, value))
  return clone(NetworkWasmSchema, fromBinary(NetworkWasmSchema, value)) as unknown as HttpWasm
}

function kindOf(typeUrl: string): FilterKind | undefined {
  if (typeUrl === ConfigType.httpWasm) return 'http'
  return typeUrl === ConfigType.networkWasm ? 'network' : undefined
}

function typedStruct(config: Any): { typeUrl: string; value: JsonValue } | undefined {
  const udpa = config.typeUrl === ConfigType.udpaTypedStruct
  if (!udpa && config.typeUrl !== ConfigType.xdsTypedStruct) return undefined
  const { typeUrl, value } = udpa
    ? fromBinary(UdpaTypedStructSchema, config.value)
    : fromBinary(XdsTypedStructSchema, config.value)
  return { typeUrl, value: value ?? {} }
}

/**
 * Takes out every key that begins with the prefix, also a user's own and also of local modules, where Istio forgets it and the
 * pull secret reaches the VM.
 */
function takeMeta(vm: VmConfig): WasmMeta {
  const env = vm.environmentVariables
  const all = env?.keyValues ?? {}
  const text = (key: string) => (Object.hasOwn(all, key) ? all[key] : undefined)
  const meta: WasmMeta = {
    pullSecret: text(WasmEnv.pullSecret),
    pullPolicy: text(WasmEnv.pullPolicy),
    resourceVersion: text(WasmEnv.resourceVersion),
    verificationKey: text(WasmEnv.verificationKey),
    signatures: requirements(text(WasmEnv.signatures)),
    localSha256: text(WasmEnv.localSha256),
  }
  if (env === undefined) return meta
  for (const key of Object.keys(all)) if (key.startsWith(WASM_ENV_PREFIX) && key !== WasmEnv.host) delete all[key]
  if (Object.keys(all).length === 0 && env.hostEnvKeys.length === 0) vm.environmentVariables = undefined
  return meta
}

function requirements(text: string | undefined): readonly SignatureRequirement[] {
  if (text === undefined) return []
  try {
    return decodeRequirements(text)
  } catch (error) {
    throw structural(`${WasmEnv.signatures} cannot be read: ${messageOf(error)}`)
  }
}

function structural(detail: string): SupplyError {
  return new SupplyError('SL3028', detail)
}
