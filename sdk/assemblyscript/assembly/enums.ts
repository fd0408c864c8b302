/** What a host function answered. */
export namespace Status {
  export const Ok: u32 = 0
  export const NotFound: u32 = 1
  export const BadArgument: u32 = 2
  export const SerializationFailure: u32 = 3
  export const ParseFailure: u32 = 4
  export const InvalidMemoryAccess: u32 = 6
  export const Empty: u32 = 7
  export const CasMismatch: u32 = 8
  export const InternalFailure: u32 = 10
  export const Unimplemented: u32 = 12
}

export enum LogLevel {
  Trace = 0,
  Debug = 1,
  Info = 2,
  Warn = 3,
  Error = 4,
  Critical = 5,
}

/** What a headers callback returns. Envoy treats `StopIteration` as stopping body and trailers too. */
export enum HeadersAction {
  Continue = 0,
  StopIteration = 1,
  StopAllIterationAndBuffer = 3,
  StopAllIterationAndWatermark = 4,
}

/** What a body callback returns. */
export enum BodyAction {
  Continue = 0,
  /** Keeps what came so far; the next callback sees all of it. */
  StopIterationAndBuffer = 1,
  StopIterationAndWatermark = 2,
  StopIterationNoBuffer = 3,
}

/** What a trailers callback returns. */
export enum TrailersAction {
  Continue = 0,
  StopIteration = 1,
}

export enum MapType {
  HttpRequestHeaders = 0,
  HttpRequestTrailers = 1,
  HttpResponseHeaders = 2,
  HttpResponseTrailers = 3,
  HttpCallResponseHeaders = 6,
  HttpCallResponseTrailers = 7,
}

export enum BufferType {
  HttpRequestBody = 0,
  HttpResponseBody = 1,
  HttpCallResponseBody = 4,
  VmConfiguration = 6,
  PluginConfiguration = 7,
  ForeignFunctionArguments = 8,
}

export enum StreamType {
  HttpRequest = 0,
  HttpResponse = 1,
}

export enum MetricType {
  Counter = 0,
  Gauge = 1,
  Histogram = 2,
}
