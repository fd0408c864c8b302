import type { JsonObject } from '@bufbuild/protobuf'
import { ConfigType, encodeRequirements, type SignatureRequirement, WASM_ENV_PREFIX, WasmEnv } from '../../xds/index.ts'
import { type Extension, filterName, type WasmSpec } from '../model/extension.ts'
import { withScheme } from '../model/module-url.ts'
import type { Config } from './config.ts'

const STRING_VALUE = 'type.googleapis.com/google.protobuf.StringValue'
const LUA = 'type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua'

/** Istio's fixed limit of one fetch by the agent. */
const FETCH_TIMEOUT = '30s'

const FAILURE_POLICY = { FAIL_CLOSE: 'FAIL_CLOSED', FAIL_OPEN: 'FAIL_OPEN', FAIL_RELOAD: 'FAIL_RELOAD' } as const

/** Reads a pull secret: the raw `.dockerconfigjson`, or undefined when there is none of that name and type. */
export type PullSecret = (namespace: string, name: string) => string | undefined

/**
 * The filter entry of a chain. A module is only named: its config comes by ECDS, and the listener waits for it without limit.
 * Lua is small and stands where it is used.
 */
export function filterEntry(extension: Extension): Config {
  const name = filterName(extension)
  if (extension.lua !== undefined) {
    return { name, typed_config: { '@type': LUA, default_source_code: { inline_string: extension.lua } } }
  }
  const network = extension.wasm?.type === 'NETWORK'
  return {
    name,
    config_discovery: {
      config_source: { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' },
      // What the agent puts in the place of a module that cannot be had is RBAC.
      type_urls: network
        ? [ConfigType.networkWasm, ConfigType.networkRbac]
        : [ConfigType.httpWasm, ConfigType.httpRbac],
    },
  }
}

/** The ECDS resource of a Wasm extension, as JSON of a TypedExtensionConfig. */
export function extensionConfig(
  extension: Extension,
  wasm: WasmSpec,
  pullSecret: PullSecret,
  signatures: readonly SignatureRequirement[] = [],
): Config {
  return {
    name: filterName(extension),
    typed_config: {
      '@type': wasm.type === 'NETWORK' ? ConfigType.networkWasm : ConfigType.httpWasm,
      config: {
        name: `${extension.namespace}.${extension.name}`,
        root_id: wasm.pluginName,
        configuration: configuration(wasm.pluginConfig),
        failure_policy: FAILURE_POLICY[wasm.failStrategy],
        vm_config: {
          runtime: 'envoy.wasm.runtime.v8',
          code: dataSource(wasm.url, wasm.sha256),
          environment_variables: environment(extension, wasm, pullSecret, signatures),
        },
      },
    },
  }
}

function configuration(pluginConfig: JsonObject | undefined): Config | undefined {
  // Istio sends an Any without a type here, which has no JSON form; leaving it out is the same to every reader.
  if (pluginConfig === undefined || Object.keys(pluginConfig).length === 0) return undefined
  return { '@type': STRING_VALUE, value: JSON.stringify(pluginConfig) }
}

/** Local for `file://`, everything else is remote and for the agent to fetch; the cluster is never asked. */
export function dataSource(url: string, sha256: string): Config {
  if (url.startsWith('file://')) return { local: { filename: url.slice('file://'.length) } }
  return {
    remote: {
      http_uri: { uri: withScheme(url), timeout: FETCH_TIMEOUT, cluster: '_' },
      sha256: sha256 === '' ? undefined : sha256,
    },
  }
}

function environment(
  extension: Extension,
  wasm: WasmSpec,
  pullSecret: PullSecret,
  signatures: readonly SignatureRequirement[],
): Config {
  const local = wasm.url.startsWith('file://')
  const values: Record<string, string> = {}
  for (const { name, value, fromHost } of wasm.env) {
    // Keys of the side channel are not the user's to set: the agent acts on them.
    if (!fromHost && !name.startsWith(WASM_ENV_PREFIX)) values[name] = value
  }
  if (wasm.imagePullSecret !== '' && !local) {
    values[WasmEnv.pullSecret] = pullSecret(extension.namespace, wasm.imagePullSecret) ?? ''
  }
  if (wasm.imagePullPolicy !== undefined) values[WasmEnv.pullPolicy] = wasm.imagePullPolicy
  values[WasmEnv.resourceVersion] = extension.revision
  if (wasm.verificationKey !== '') values[WasmEnv.verificationKey] = wasm.verificationKey
  if (signatures.length > 0) values[WasmEnv.signatures] = encodeRequirements(signatures)
  if (local && wasm.sha256 !== '') values[WasmEnv.localSha256] = wasm.sha256
  if (wasm.host !== '') values[WasmEnv.host] = wasm.host
  const hostKeys = wasm.env.filter((env) => env.fromHost).map((env) => env.name)
  return { key_values: values, host_env_keys: hostKeys.length === 0 ? undefined : hostKeys }
}
