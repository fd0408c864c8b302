/** The data plane: an Envoy-configured proxy. Configured only by Envoy's protos. */
export { parseBootstrap } from './bootstrap.ts'
export { registry } from './config/any.ts'
export { type ListenPlaces, parseListenPlaces } from './main/listen-places.ts'
export { type ListenerAddress, type ProxyHandle, type ProxyOptions, runFromBootstrapFile, startProxy } from './proxy.ts'
