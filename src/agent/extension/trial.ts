import type { PluginConfig } from '../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'

/** Starts a module aside, before traffic. Rejects with a SluiceError that says which step failed. */
export type Trial = (module: TrialModule, plugin: PluginConfig) => Promise<void>

export type TrialModule = { readonly path: string; readonly sha256: string } | { readonly bytes: Uint8Array }
