import type { JsonObject } from '@bufbuild/protobuf'
import type { KubeObject } from '../../kube/index.ts'

/** Where in the chain an extension stands. */
export type Phase = 'AUTHN' | 'AUTHZ' | 'STATS' | 'UNSPECIFIED'
/** Of which traffic: what the workload sends, what it is sent, or both. */
export type Mode = 'CLIENT' | 'SERVER' | 'CLIENT_AND_SERVER'
/** Whether it sees requests or connections. */
export type PluginType = 'HTTP' | 'NETWORK'
/** What becomes of traffic when the extension fails. */
export type FailStrategy = 'FAIL_CLOSE' | 'FAIL_OPEN' | 'FAIL_RELOAD'

/** An object that an extension is attached to. */
export interface TargetRef {
  readonly group: string
  readonly kind: string
  readonly name: string
  readonly namespace: string
}

/** The traffic that an extension is for; no ports: of all. */
export interface TrafficSelector {
  readonly mode: Mode
  readonly ports: readonly number[]
}

/** A variable of the module's environment; `fromHost`: its value is that of the proxy's own. */
export interface EnvVar {
  readonly name: string
  readonly value: string
  readonly fromHost: boolean
}

/** The module of an extension and how it runs. */
export interface WasmSpec {
  readonly url: string
  readonly sha256: string
  readonly imagePullPolicy: 'IfNotPresent' | 'Always' | undefined
  readonly imagePullSecret: string
  readonly verificationKey: string
  readonly pluginConfig: JsonObject | undefined
  readonly pluginName: string
  readonly failStrategy: FailStrategy
  readonly env: readonly EnvVar[]
  /** What the annotation for the Wasm host says; '' without it. */
  readonly host: string
  readonly type: PluginType
}

/** What both kinds are to the rest of the control plane: a TrafficExtension. A WasmPlugin is read as one. */
export interface Extension {
  /** The object it was read from, for status. */
  readonly object: KubeObject
  readonly namespace: string
  /** Of a WasmPlugin with {@link WASM_PLUGIN_SUFFIX}. */
  readonly name: string
  /**
   * Changes with every edit of spec or metadata, and with nothing else. It travels as the plugin's resource version, where
   * Istio sends the object's own: that one changes with each status that we write, and would make the agent pull again.
   */
  readonly revision: string
  /** Whole seconds. */
  readonly createdAt: number
  /** undefined where there is none: matches every workload. */
  readonly selector: Readonly<Record<string, string>> | undefined
  readonly targetRefs: readonly TargetRef[]
  readonly phase: Phase
  /** 0 where it is not set, as the API's documentation has it (Istio's code puts unset below every explicit value). */
  readonly priority: number
  readonly match: readonly TrafficSelector[]
  readonly wasm: WasmSpec | undefined
  readonly lua: string | undefined
  /** Why it is not used at all. */
  readonly invalid: string | undefined
}

/** `~` cannot occur in a name of Kubernetes, so the translated name meets no other. Visible in Envoy's config. */
export const WASM_PLUGIN_SUFFIX = '~istio-translated-wasmplugin'

/** The name of the filter and of the ECDS resource. */
export function filterName(extension: { namespace: string; name: string }): string {
  return `extensions.istio.io/trafficextension/${extension.namespace}.${extension.name}`
}

/** HTTP for Lua, since it has no other place. */
export function pluginType(extension: Extension): PluginType {
  return extension.wasm?.type ?? 'HTTP'
}
