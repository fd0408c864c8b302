/**
 * The Proxy-Wasm host: compiles modules so that they hold their limits, runs them, and gives them what the ABI promises. Usable
 * without the rest of Sluice; `createTestHost` is the quickest way in.
 */

export { HeaderMap } from '../base/header-map.ts'
export type { AbiVersion, LogLevel } from './abi/constants.ts'
export {
  BUFFER,
  DATA_STATUS,
  HEADERS_STATUS,
  LOG_LEVELS,
  MAP,
  METRIC,
  PEER,
  STATUS,
  STREAM,
  TRAILERS_STATUS,
} from './abi/constants.ts'
export { decodePairs, encodePairs } from './abi/pairs.ts'
export { httpAttribute } from './attributes/http-attributes.ts'
export { attributeGroup } from './attributes/property.ts'
export {
  type AttributeValue,
  Dictionary,
  Double,
  fromJson,
  type Json,
  Proto,
  Struct,
} from './attributes/value.ts'
export { type CompiledModule, compileModuleSync } from './compile.ts'
export { compileModule } from './compile-async.ts'
export type { HttpContext } from './context/http-context.ts'
export type { NetworkContext } from './context/network-context.ts'
export type { RootContext } from './context/root-context.ts'
export type { FailureCause, PluginFailure } from './failure.ts'
export type * from './host.ts'
export { type HostOptions, type HostSettings, parseHostSettings } from './host-settings.ts'
export { DEFAULT_LIMITS, type Limits } from './limits.ts'
export { Plugin } from './plugin.ts'
export type { FailurePolicy, PluginConfig, PluginSettings } from './plugin-config.ts'
export { systemClock, systemTimers } from './services/clock.ts'
export { LocalSharedStore } from './services/local-shared-store.ts'
export { parseMetricName } from './services/metric-name.ts'
export { RegistryMetrics } from './services/registry-metrics.ts'
export { createSharedMemory, SharedStoreAcrossThreads } from './services/shared-memory/store.ts'
export { createTestHost, TestHost, type TestHostOptions } from './testing/test-host.ts'
export { TestStream } from './testing/test-stream.ts'
export { decodeCall, type TraceSink } from './trace.ts'
export { VmCache, type VmObserver } from './vm-cache.ts'
