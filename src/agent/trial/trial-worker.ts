import { parentPort } from 'node:worker_threads'
import { fromBinary } from '@bufbuild/protobuf'
import { PluginConfigSchema } from '../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { type TrialFailure, tryOut } from './try-out.ts'

/** The first message says that the thread has the plugin, the second what became of it. */
export type TrialMessage = { readonly begun: true } | TrialAnswer

/** How a trial ended. */
export interface TrialAnswer {
  readonly begun?: undefined
  readonly failure: TrialFailure | undefined
}

parentPort?.on('message', (plugin: Uint8Array) => {
  parentPort?.postMessage({ begun: true } satisfies TrialMessage)
  parentPort?.postMessage({ failure: tryOut(fromBinary(PluginConfigSchema, plugin)) } satisfies TrialMessage)
})
