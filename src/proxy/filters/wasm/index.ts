/** The Proxy-Wasm host as filters of the proxy. */
export { wasmHttpFilter } from './http-filter.ts'
export { wasmNetworkFilter } from './network-filter.ts'
export { stopPlugin } from './plugin.ts'
export { prepareService, type ServiceConfig, startService } from './service.ts'
export { setPluginTrace } from './trace.ts'
