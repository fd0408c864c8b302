/**
 * xDS v3: types, transports, and the state machines of both ends of a stream. `grpc-transport.ts` and `grpc-server.ts` are imported
 * by who speaks gRPC: their libraries take 11 MB of a thread.
 */
export { AdsClient, type AdsClientOptions } from './ads-client.ts'
export { AdsServer } from './ads-server.ts'
export type { NamedResource, RejectedResource, ResourceHandler } from './delivery.ts'
export * from './extension-report.ts'
export { anyToJson, pack, unpackToJson } from './json.ts'
export { memoryTransport } from './memory-transport.ts'
export { redact } from './redact.ts'
export { registry } from './registry.ts'
export type { AdsServerEvents, Connection, Outcome, Rejection } from './server-events.ts'
export {
  decodeRequirements,
  encodeRequirements,
  type KeylessSigner,
  type SignatureRequirement,
  type Signers,
} from './signature-requirement.ts'
export type { Resources } from './snapshot.ts'
export type * from './transport.ts'
export * from './type-urls.ts'
export { WASM_ENV_PREFIX, WASM_HOST_ANNOTATION, WasmEnv } from './wasm-env.ts'
