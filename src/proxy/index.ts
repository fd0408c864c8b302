/** The data plane: an Envoy-configured proxy. Configured only by Envoy's protos. */

export { registry } from '../xds/registry.ts'
export { parseBootstrap } from './bootstrap.ts'
export { type ListenPlaces, parseListenPlaces } from './main/listen-places.ts'
export { type ListenerAddress, type ProxyHandle, type ProxyOptions, runFromBootstrapFile, startProxy } from './proxy.ts'
