import type { PluginConfig } from '../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'

/** Starts a plugin aside, before traffic; its code is local. Rejects with a SluiceError that says which step failed. */
export type Trial = (plugin: PluginConfig) => Promise<void>
