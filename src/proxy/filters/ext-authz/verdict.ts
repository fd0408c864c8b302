import type { HeaderMap } from '../../../base/header-map.ts'
import type { CallSpan } from '../../cluster/async-client.ts'
import type { HttpFilterCallbacks } from '../../http/filter.ts'
import type { StreamInfo } from '../../http/stream-info.ts'
import type { HeaderChange } from './header-change.ts'

/** What an authorization server said. */
export interface Verdict {
  readonly kind: 'allowed' | 'denied' | 'error'
  /** Of a refusal; 0: the filter's own for errors. */
  readonly status: number
  /** A byte string. */
  readonly body: string
  /** Of the request that is allowed, in their order. */
  readonly request: readonly HeaderChange[]
  readonly remove: readonly string[]
  readonly setParameters: readonly (readonly [name: string, value: string])[]
  readonly removeParameters: readonly string[]
  /** Of the response to a request that is allowed. */
  readonly response: readonly HeaderChange[]
  /** Of the answer to one that is not: in the place of all that the proxy says by these names. */
  readonly reply: readonly (readonly [name: string, value: string])[]
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  /** It asks for a change that nobody knows. */
  readonly odd: boolean
}

/** Allows the request and changes nothing; other verdicts are made of it. */
export const NONE: Verdict = {
  kind: 'allowed',
  status: 200,
  body: '',
  request: [],
  remove: [],
  setParameters: [],
  removeParameters: [],
  response: [],
  reply: [],
  metadata: undefined,
  odd: false,
}

/** The service did not answer, or not in a way that could be used. */
export const ERROR: Verdict = { ...NONE, kind: 'error', status: 0 }

/** Asks, and calls back once and later; the returned function takes the question back. */
export type Check = (request: CheckInput, done: (verdict: Verdict) => void) => () => void

/** What there is to ask the service about. */
export interface CheckInput {
  readonly info: StreamInfo
  readonly callbacks: HttpFilterCallbacks
  readonly headers: HeaderMap
  readonly body: Buffer | undefined
  /** Else `max_request_bytes` were there first, and the service is told (`x-envoy-auth-partial-body`). */
  readonly bodyIsWhole: boolean
  /** gRPC: the body is sent as bytes, not as text. */
  readonly packAsBytes: boolean
  readonly contextExtensions: Readonly<Record<string, string>>
}

/** Tags the span of the question as Envoy does. */
export function tagStatus(span: CallSpan | undefined, allowed: boolean): void {
  span?.tag('ext_authz_status', allowed ? 'ext_authz_ok' : 'ext_authz_unauthorized')
}
