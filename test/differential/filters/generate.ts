import type { Case } from '../../parity/case.ts'
import { accessLogCase } from './access-log.ts'
import { bufferCase, healthCheckCase } from './buffer.ts'
import { compressorCase, decompressorCase } from './compression.ts'
import { corsCase } from './cors.ts'
import { Dice } from './dice.ts'
import { extAuthzCase } from './ext-authz.ts'
import { extAuthzGrpcCase } from './ext-authz-grpc.ts'
import { faultCase } from './fault.ts'
import { grpcWebCase } from './grpc.ts'
import { grpcStatsCase } from './grpc-stats.ts'
import { headerMutationCase } from './header-mutation.ts'
import { jwtCase, jwtRemoteCase } from './jwt.ts'
import { localRateLimitCase } from './local-ratelimit.ts'
import { luaCase } from './lua.ts'
import { rbacCase } from './rbac.ts'
import { wasmHeadersCase, wasmPropertiesCase } from './wasm.ts'

export type Generator = (dice: Dice) => Omit<Case, 'id' | 'what'>

export const GENERATORS: Readonly<Record<string, Generator>> = {
  lua: luaCase,
  'access-log': accessLogCase,
  rbac: rbacCase,
  'ext-authz': extAuthzCase,
  'ext-authz-grpc': extAuthzGrpcCase,
  compressor: compressorCase,
  decompressor: decompressorCase,
  jwt: jwtCase,
  'jwt-remote': jwtRemoteCase,
  'header-mutation': headerMutationCase,
  cors: corsCase,
  'local-ratelimit': localRateLimitCase,
  'wasm-properties': wasmPropertiesCase,
  'wasm-headers': wasmHeadersCase,
  fault: faultCase,
  buffer: bufferCase,
  'health-check': healthCheckCase,
  'grpc-web': grpcWebCase,
  'grpc-stats': grpcStatsCase,
}

/** Cases by seed: one that differs is made again alone by its own seed. */
export function generate(kind: string, count: number, seed: number): Case[] {
  return Array.from({ length: count }, (_, i) => {
    const own = seed * 10_000 + i
    return { id: `${kind}.${own}`, what: 'generated', ...(GENERATORS[kind] as Generator)(new Dice(own)) }
  })
}
