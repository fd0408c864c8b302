/** Enumerations of the ABI as the SDKs have them; the numbers are the wire format. */

/** `WasmResult`: what a host function returns. */
export const STATUS = {
  ok: 0,
  notFound: 1,
  badArgument: 2,
  serializationFailure: 3,
  parseFailure: 4,
  badExpression: 5,
  invalidMemoryAccess: 6,
  empty: 7,
  casMismatch: 8,
  resultMismatch: 9,
  internalFailure: 10,
  brokenConnection: 11,
  unimplemented: 12,
} as const

/** What `proxy_log` takes as a level is an index of these. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'critical'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** `WasmBufferType`: the first argument of `proxy_get_buffer_bytes` and its like. */
export const BUFFER = {
  requestBody: 0,
  responseBody: 1,
  downstreamData: 2,
  upstreamData: 3,
  httpCallResponseBody: 4,
  grpcCallMessage: 5,
  vmConfiguration: 6,
  pluginConfiguration: 7,
  foreignFunctionArguments: 8,
} as const

/** `WasmHeaderMapType`: the first argument of the functions for header maps. */
export const MAP = {
  requestHeaders: 0,
  requestTrailers: 1,
  responseHeaders: 2,
  responseTrailers: 3,
  grpcInitialMetadata: 4,
  grpcTrailingMetadata: 5,
  httpCallResponseHeaders: 6,
  httpCallResponseTrailers: 7,
} as const

/** For traces, by the number of the map. */
export const MAP_NAMES = [
  'request headers',
  'request trailers',
  'response headers',
  'response trailers',
  'gRPC initial metadata',
  'gRPC trailing metadata',
  'callout response headers',
  'callout response trailers',
] as const

/** `WasmStreamType`: what `proxy_continue_stream` and `proxy_close_stream` are told to act on. */
export const STREAM = { request: 0, response: 1, downstream: 2, upstream: 3 } as const

/** Who has closed a connection: the argument of `proxy_on_downstream_connection_close` and of its twin. */
export const PEER = { unknown: 0, local: 1, remote: 2 } as const

/** `MetricType`, the first argument of `proxy_define_metric`. */
export const METRIC = { counter: 0, gauge: 1, histogram: 2 } as const

/** Envoy's FilterHeadersStatus. */
export const HEADERS_STATUS = {
  continue: 0,
  stopIteration: 1,
  continueAndDontEndStream: 2,
  stopAllIterationAndBuffer: 3,
  stopAllIterationAndWatermark: 4,
} as const

/** Envoy's FilterDataStatus. */
export const DATA_STATUS = {
  continue: 0,
  stopIterationAndBuffer: 1,
  stopIterationAndWatermark: 2,
  stopIterationNoBuffer: 3,
} as const

/** Envoy's FilterTrailersStatus, and Network::FilterStatus. */
export const TRAILERS_STATUS = { continue: 0, stopIteration: 1 } as const

/** By the name of the marker that a module exports (`proxy_abi_version_0_2_1`). */
export type AbiVersion = '0.1.0' | '0.2.0' | '0.2.1'
