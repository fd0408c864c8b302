import { parentPort } from 'node:worker_threads'
import { fromBinary } from '@bufbuild/protobuf'
import { PluginConfigSchema } from '../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { type TrialFailure, tryOut } from './try-out.ts'

export interface TrialAnswer {
  readonly failure: TrialFailure | undefined
}

parentPort?.on('message', (plugin: Uint8Array) => {
  parentPort?.postMessage({ failure: tryOut(fromBinary(PluginConfigSchema, plugin)) } satisfies TrialAnswer)
})
