/** Proxy-Wasm for AssemblyScript. Begin with {@link RootContext}, {@link Context} and {@link registerRootContext}. */
export { Body, callResponseBody, foreignFunctionArguments, requestBody, responseBody } from "./body"
export { Bytes } from "./bytes"
export { BaseContext, Context, RootContext } from "./context"
export { BodyAction, HeadersAction, LogLevel, Status, StreamType, TrailersAction } from "./enums"
export {
  callResponseHeaders,
  callResponseTrailers,
  HeaderMap,
  requestHeaders,
  requestTrailers,
  responseHeaders,
  responseTrailers,
} from "./header-map"
export { callForeignFunction, done, logLevel, now, setTickPeriod } from "./host-functions"
export { httpCall } from "./http-call"
export { log, logDebug, logError, logInfo, logWarn } from "./log"
export { Metric } from "./metric"
export { Header } from "./pairs"
export { Property } from "./property"
export { SharedQueue } from "./queue"
export { registerRootContext } from "./registry"
export { getSharedData, setSharedData, SharedValue } from "./shared-data"
export { closeStream, continueRequest, continueResponse, sendLocalResponse } from "./stream"
