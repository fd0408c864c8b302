import { fromBinary, fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf'
import { RateLimitRequestSchema, RateLimitResponseSchema } from '../../gen/envoy/service/ratelimit/v3/rls_pb.ts'
import { grpcService } from '../../src/proxy/filters/testing.ts'
import type { Running } from '../../src/proxy/testing.ts'
import type { Received } from './script.ts'

/** `fail`: an error of gRPC; `hang`: nothing; else a RateLimitResponse. */
export type Decision = 'fail' | 'hang' | JsonValue

const PATH = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit'

/** A rate limit service that decides by a script; what it is asked is received as JSON. */
export class RateLimitService {
  readonly #label: string
  readonly #script: readonly Decision[]
  readonly #received: Received[]
  #running: Running | undefined
  #decided = 0

  constructor(label: string, script: readonly Decision[], received: Received[]) {
    this.#label = label
    this.#script = script
    this.#received = received
  }

  async listen(): Promise<number> {
    this.#running = await grpcService(({ ':path': path }, message) => {
      const body = JSON.stringify(toJson(RateLimitRequestSchema, fromBinary(RateLimitRequestSchema, message)))
      const start = path === PATH ? 'ShouldRateLimit' : String(path)
      this.#received.push({
        host: this.#label,
        message: { start, headers: [], spelt: '', body, trailers: [], complete: true },
      })
      const said = this.#script[Math.min(this.#decided++, this.#script.length - 1)]
      if (said === 'fail' || said === 'hang') return said
      return toBinary(RateLimitResponseSchema, fromJson(RateLimitResponseSchema, said))
    })
    return this.#running.port
  }

  /** Begins the script again. */
  reset(): void {
    this.#decided = 0
  }

  close(): void {
    void this.#running?.close()
  }
}
