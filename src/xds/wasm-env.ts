/**
 * What the control plane tells the agent about a module inside `vm_config.environment_variables.key_values`, Istio's own side channel.
 * The agent takes every key that begins with the prefix out before the proxy sees the config.
 */
export const WASM_ENV_PREFIX = 'ISTIO_META_'

/** The keys, with Istio's names where Istio has one. */
export const WasmEnv = {
  /** The raw `.dockerconfigjson`; empty when the secret that was asked for is not to be had. */
  pullSecret: 'ISTIO_META_WASM_IMAGE_PULL_SECRET',
  /** `IfNotPresent` or `Always`. */
  pullPolicy: 'ISTIO_META_WASM_IMAGE_PULL_POLICY',
  resourceVersion: 'ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION',
  /** PEM; Sluice's own, since Istio carries the field nowhere. An agent of Istio drops it with the others. */
  verificationKey: 'ISTIO_META_WASM_VERIFICATION_KEY',
  /** What signature policies ask of the module, as JSON (`encodeRequirements`); Sluice's own. */
  signatures: 'ISTIO_META_WASM_SIGNATURES',
  /** Of a `file://` module, whose data source has no field for it; Sluice's own. */
  localSha256: 'ISTIO_META_WASM_LOCAL_SHA256',
  /**
   * What {@link WASM_HOST_ANNOTATION} says. Sluice's own proxy reads it and takes it out; the agent takes it out for Envoy, which has
   * nothing like it.
   */
  host: 'ISTIO_META_WASM_HOST',
} as const

/** On a TrafficExtension or WasmPlugin: JSON with limits and options of the Wasm host, for which Istio's API has no field. */
export const WASM_HOST_ANNOTATION = 'sluice.dev/wasm-host'
