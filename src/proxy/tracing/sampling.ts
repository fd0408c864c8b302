/** Which requests are traced, and how `x-request-id` carries that to the next hop (Envoy's UUIDRequestIDExtension). */
import type { HeaderMap } from '../../base/header-map.ts'

/** Why a request is traced. */
export const TraceReason = { NotTraceable: 0, Sampling: 1, ServiceForced: 2, ClientForced: 3 } as const
export type TraceReason = (typeof TraceReason)[keyof typeof TraceReason]

/** A share of requests; `of` is 100, 10 000 or 1 000 000. */
export interface Share {
  readonly numerator: number
  readonly of: number
}

/** `client_sampling`, `random_sampling` and `overall_sampling`, and what an id has to do with it. */
export interface SamplingOptions {
  readonly client: Share
  readonly random: Share
  readonly overall: Share
  /** `pack_trace_reason`: the decision is written into the request id. */
  readonly pack: boolean
  /** `use_request_id_for_trace_sampling`: the decision follows from the request id, alike on every hop. */
  readonly useRequestId: boolean
}

/** What a share is where nothing is configured. */
export const ALL: Share = { numerator: 10_000, of: 10_000 }

/** The version digit of the UUID says why the request is traced. */
const REASON_AT = 14
const REASONS: Readonly<Record<string, TraceReason>> = {
  '9': TraceReason.Sampling,
  a: TraceReason.ServiceForced,
  b: TraceReason.ClientForced,
}
const DIGITS = ['4', '9', 'a', 'b'] as const
const UUID_LENGTH = 36

/** Decides for one request, and writes the decision into its id (`mutateTracingRequestHeader`). */
export function decideTracing(headers: HeaderMap, options: SamplingOptions): TraceReason {
  if (!options.useRequestId) return TraceReason.Sampling
  const id = headers.get('x-request-id') ?? ''
  const number = id.length === UUID_LENGTH ? Number.parseInt(id.slice(0, 8), 16) : Number.NaN
  // Without an id there is nothing that all hops would agree on.
  if (Number.isNaN(number)) return TraceReason.NotTraceable
  const chance = number % 10_000
  const told = REASONS[id[REASON_AT]] ?? TraceReason.NotTraceable
  let reason = told === TraceReason.NotTraceable ? choose(headers, options, chance) : told
  if (reason !== TraceReason.NotTraceable && !within(options.overall, chance)) reason = TraceReason.NotTraceable
  if (reason !== told && options.pack) headers.put('x-request-id', withReason(id, reason))
  return reason
}

function choose(headers: HeaderMap, options: SamplingOptions, chance: number): TraceReason {
  const { client, random } = options
  if (headers.has('x-client-trace-id') && within(client, Math.floor(Math.random() * client.of)))
    return TraceReason.ClientForced
  if (headers.has('x-envoy-force-trace')) return TraceReason.ServiceForced
  return within(random, chance) ? TraceReason.Sampling : TraceReason.NotTraceable
}

function within(share: Share, chance: number): boolean {
  return chance % share.of < share.numerator
}

function withReason(id: string, reason: TraceReason): string {
  return id.slice(0, REASON_AT) + DIGITS[reason] + id.slice(REASON_AT + 1)
}

/** An id from outside that is kept must not decide about tracing here. */
export function untraced(id: string): string {
  return id.length === UUID_LENGTH ? withReason(id, TraceReason.NotTraceable) : id
}
