import type { HttpFilterFactory } from '../http/filter.ts'
import type { NetworkFilterFactory } from '../network/filter.ts'
import { bufferFilter } from './buffer.ts'
import { compressor } from './compression/compressor.ts'
import { decompressor } from './compression/decompressor.ts'
import { cors } from './cors.ts'
import { extAuthz } from './ext-authz/filter.ts'
import { fault } from './fault.ts'
import { grpcStats } from './grpc-stats.ts'
import { grpcWeb } from './grpc-web.ts'
import { headerMutation } from './header-mutation.ts'
import { healthCheck } from './health-check.ts'
import { jwtAuthn } from './jwt/filter.ts'
import { localRateLimit } from './local-ratelimit/filter.ts'
import { networkLocalRateLimit } from './local-ratelimit/network.ts'
import { luaFilter } from './lua.ts'
import { rateLimit } from './ratelimit/filter.ts'
import { httpRbac } from './rbac/http.ts'
import { networkRbac } from './rbac/network.ts'
import { router } from './router/config.ts'
import { tcpProxy } from './tcp-proxy/tcp-proxy.ts'
import { wasmHttpFilter, wasmNetworkFilter } from './wasm/index.ts'

/** Every HTTP filter that this proxy has. */
export const HTTP_FILTERS: readonly HttpFilterFactory[] = [
  bufferFilter,
  compressor,
  cors,
  decompressor,
  extAuthz,
  fault,
  grpcStats,
  grpcWeb,
  headerMutation,
  healthCheck,
  httpRbac,
  jwtAuthn,
  localRateLimit,
  luaFilter,
  rateLimit,
  router,
  wasmHttpFilter,
] as unknown as readonly HttpFilterFactory[]

/** Every network filter besides the connection manager. */
export const NETWORK_FILTERS: readonly NetworkFilterFactory[] = [
  networkLocalRateLimit,
  networkRbac,
  tcpProxy,
  wasmNetworkFilter,
] as unknown as readonly NetworkFilterFactory[]
