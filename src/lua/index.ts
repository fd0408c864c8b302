/** Lua scripts with Envoy's API, without the proxy: what a filter needs to run them. */
export { pushBody, pushCallResult, pushChunk, pushHeaders } from './api.ts'
export { LuaHeaders } from './headers.ts'
export type * from './host.ts'
export { LuaRun, LuaVm } from './vm.ts'
