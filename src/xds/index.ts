/** xDS v3: types, transports, and the state machines of both ends of a stream. */
export * from './extension-report.ts'
export { memoryTransport, streamPair } from './memory-transport.ts'
export type * from './transport.ts'
export * from './type-urls.ts'
