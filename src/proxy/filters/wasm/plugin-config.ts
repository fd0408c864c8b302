import { fromBinary, toJsonString } from '@bufbuild/protobuf'
import { type Any, BytesValueSchema, StringValueSchema, StructSchema } from '@bufbuild/protobuf/wkt'
import {
  FailurePolicy as EnvoyFailurePolicy,
  type PluginConfig as EnvoyPluginConfig,
  type VmConfig,
} from '../../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { SluiceError } from '../../../errors.ts'
import {
  type FailurePolicy,
  type HostSettings,
  type Limits,
  type PluginConfig,
  parseHostSettings,
} from '../../../wasm/index.ts'
import { WasmEnv } from '../../../xds/wasm-env.ts'
import { messageName } from '../../config/any.ts'
import { dataSource } from '../../config/data-source.ts'

/** What a filter's PluginConfig says, checked as Envoy checks it. */
interface WasmSource {
  readonly plugin: PluginConfig
  readonly bytes: Buffer
  readonly limits: Partial<Limits>
}

/** Reads a PluginConfig with its module; `path` names the field in errors. */
export function readPluginConfig(config: EnvoyPluginConfig | undefined, path: string): WasmSource {
  if (config === undefined || config.vm.case !== 'vmConfig') throw bad(`${path}.vm_config`, 'is missing')
  const vm = config.vm.value
  const { limits, options } = hostSettings(vm, `${path}.vm_config.environment_variables`)
  const plugin = { ...pluginConfig(config, vm, path), ...options }
  return { plugin, bytes: moduleBytes(vm, `${path}.vm_config`), limits }
}

function pluginConfig(config: EnvoyPluginConfig, vm: VmConfig, path: string): PluginConfig {
  const restriction = config.capabilityRestrictionConfig
  const interval = config.reloadConfig?.backoff?.baseInterval
  return {
    name: config.name,
    rootId: config.rootId,
    vmId: vm.vmId,
    configuration: configurationBytes(config.configuration),
    vmConfiguration: configurationBytes(vm.configuration),
    environment: environment(vm, `${path}.vm_config.environment_variables`),
    ...(restriction === undefined ? {} : { allowedCapabilities: Object.keys(restriction.allowedCapabilities) }),
    failurePolicy: failurePolicy(config, path),
    ...(interval === undefined ? {} : { reloadIntervalMs: Number(interval.seconds) * 1000 + interval.nanos / 1e6 }),
    allowOnHeadersStopIteration: config.allowOnHeadersStopIteration ?? false,
  }
}

/** Envoy's proto has no field for them, so they travel beside the control plane's other notes. */
function hostSettings(vm: VmConfig, path: string): HostSettings {
  const text = vm.environmentVariables?.keyValues[WasmEnv.host]
  return text === undefined ? { limits: {}, options: {} } : parseHostSettings(text, `${path}.${WasmEnv.host}`)
}

function moduleBytes(vm: VmConfig, path: string): Buffer {
  // Precompiled code is code of another engine; V8 here compiles what is portable.
  if (vm.runtime !== '' && vm.runtime !== 'envoy.wasm.runtime.v8') {
    throw bad(`${path}.runtime`, `${vm.runtime} is not supported, only envoy.wasm.runtime.v8`)
  }
  const { code } = vm
  if (code === undefined) throw bad(`${path}.code`, 'is missing')
  if (code.specifier.case === 'local') return dataSource(code.specifier.value, `${path}.code.local`)
  throw bad(
    `${path}.code`,
    'a remote module has to come through the agent, which gives it to the proxy as a local file',
  )
}

function failurePolicy(config: EnvoyPluginConfig, path: string): FailurePolicy {
  const { failurePolicy: policy, failOpen } = config
  if (failOpen && policy !== EnvoyFailurePolicy.UNSPECIFIED) {
    throw bad(path, 'only one of fail_open and failure_policy may be set')
  }
  if (failOpen || policy === EnvoyFailurePolicy.FAIL_OPEN) return 'FAIL_OPEN'
  return policy === EnvoyFailurePolicy.FAIL_RELOAD ? 'FAIL_RELOAD' : 'FAIL_CLOSED'
}

function environment(vm: VmConfig, path: string): Record<string, string> {
  const all: Record<string, string> = Object.create(null)
  for (const key of vm.environmentVariables?.hostEnvKeys ?? []) {
    if (key in all) throw bad(path, `${key} is given twice`)
    const value = process.env[key]
    if (value !== undefined) all[key] = value
  }
  for (const [key, value] of Object.entries(vm.environmentVariables?.keyValues ?? {})) {
    if (key === WasmEnv.host) continue
    if (key in all) throw bad(path, `${key} is given twice`)
    all[key] = value
  }
  return all
}

/** Envoy's anyToBytes: a Struct as JSON, a string or bytes as they are, any other message as its bytes. */
function configurationBytes(any: Any | undefined): Uint8Array {
  if (any === undefined) return new Uint8Array()
  switch (messageName(any.typeUrl)) {
    case 'google.protobuf.StringValue':
      return Buffer.from(fromBinary(StringValueSchema, any.value).value)
    case 'google.protobuf.BytesValue':
      return fromBinary(BytesValueSchema, any.value).value
    case 'google.protobuf.Struct':
      return Buffer.from(toJsonString(StructSchema, fromBinary(StructSchema, any.value)))
    default:
      return any.value
  }
}

function bad(where: string, what: string): SluiceError {
  return new SluiceError('SL4017', `${where}: ${what}`, { where })
}
