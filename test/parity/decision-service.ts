import type { IncomingHttpHeaders } from 'node:http2'
import { type DescMessage, fromBinary, fromJson, type JsonValue, toBinary, toJson } from '@bufbuild/protobuf'
import { CheckRequestSchema, CheckResponseSchema } from '../../gen/envoy/service/auth/v3/external_auth_pb.ts'
import { RateLimitRequestSchema, RateLimitResponseSchema } from '../../gen/envoy/service/ratelimit/v3/rls_pb.ts'
import { grpcService } from '../../src/proxy/filters/testing.ts'
import type { Running } from '../../src/proxy/testing.ts'
import type { Message } from './message.ts'
import type { Received } from './script.ts'

/** `fail`: an error of gRPC; `hang`: nothing; `garbage`: what is no message; else the answer's message. */
export type Decision = 'fail' | 'hang' | 'garbage' | JsonValue

interface Kind {
  readonly path: string
  readonly request: DescMessage
  readonly response: DescMessage
  told(request: JsonValue, call: IncomingHttpHeaders): Pick<Message, 'headers' | 'body'>
}

const RATE_LIMIT: Kind = {
  path: '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
  request: RateLimitRequestSchema,
  response: RateLimitResponseSchema,
  told: (request) => ({ headers: [], body: JSON.stringify(request) }),
}

/** What it is asked is shown as headers, a field each: a case expects some of them. */
const AUTHORIZATION: Kind = {
  path: '/envoy.service.auth.v3.Authorization/Check',
  request: CheckRequestSchema,
  response: CheckResponseSchema,
  told: (request, call) => ({
    headers: [...flat(asCalled(call), 'call'), ...flat((request as { attributes: JsonValue }).attributes)],
    body: '',
  }),
}

/** Without what the client that Envoy has for calls of its own adds, a proxy before the proxy; no service reads it. */
function asCalled(call: IncomingHttpHeaders): IncomingHttpHeaders {
  const {
    'x-envoy-internal': _internal,
    'x-forwarded-for': _for,
    'x-envoy-expected-rq-timeout-ms': _timeout,
    ...others
  } = call
  return others
}

/** A service that is asked by gRPC and decides by a script. */
export class DecisionService {
  readonly #label: string
  readonly #kind: Kind
  readonly #script: readonly Decision[]
  readonly #received: Received[]
  #running: Running | undefined
  #decided = 0

  private constructor(label: string, kind: Kind, script: readonly Decision[], received: Received[]) {
    this.#label = label
    this.#kind = kind
    this.#script = script
    this.#received = received
  }

  static rateLimit(label: string, script: readonly Decision[], received: Received[]): DecisionService {
    return new DecisionService(label, RATE_LIMIT, script, received)
  }

  static authorization(label: string, script: readonly Decision[], received: Received[]): DecisionService {
    return new DecisionService(label, AUTHORIZATION, script, received)
  }

  async listen(): Promise<number> {
    const { path, request, response, told } = this.#kind
    this.#running = await grpcService((call, message) => {
      const asked = call[':path']
      const start = asked === path ? path.slice(path.lastIndexOf('/') + 1) : String(asked)
      const said = told(toJson(request, fromBinary(request, message)), call)
      this.#received.push({
        host: this.#label,
        message: { start, spelt: '', trailers: [], complete: true, ...said },
      })
      const decision = this.#script[Math.min(this.#decided++, this.#script.length - 1)]
      if (decision === 'fail' || decision === 'hang') return decision
      return decision === 'garbage' ? Buffer.from([0xff]) : toBinary(response, fromJson(response, decision))
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

/** Of these only whether they are there is the same from run to run. */
const VOLATILE = /^(request\.time|request\.http\.id|source\.address\.socketAddress\.portValue)$/

function flat(value: unknown, path = ''): [string, string][] {
  if (value === null || typeof value !== 'object') return [[path, VOLATILE.test(path) ? '…' : String(value)]]
  return Object.entries(value).flatMap(([key, one]) => flat(one, path === '' ? key : `${path}.${key}`))
}
