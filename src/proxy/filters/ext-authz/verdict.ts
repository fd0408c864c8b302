import type { HeaderMap } from '../../../base/header-map.ts'
import type { CallSpan } from '../../cluster/async-client.ts'
import type { HttpFilterCallbacks } from '../../http/filter.ts'
import type { StreamInfo } from '../../http/stream-info.ts'

/** What an authorization server said. */
export interface Verdict {
  readonly kind: 'allowed' | 'denied' | 'error'
  readonly status: number
  /** A byte string. */
  readonly body: string
  /** For a denied request: of the answer. For an allowed one: to set on the request. */
  readonly set: readonly (readonly [string, string])[]
  readonly append: readonly (readonly [string, string])[]
  readonly remove: readonly string[]
  /** To add to the response of an allowed request. */
  readonly response: readonly (readonly [string, string])[]
  readonly metadata: Readonly<Record<string, unknown>> | undefined
}

export const NONE: Verdict = {
  kind: 'allowed',
  status: 200,
  body: '',
  set: [],
  append: [],
  remove: [],
  response: [],
  metadata: undefined,
}

export const ERROR: Verdict = { ...NONE, kind: 'error' }

/** Asks, and calls back once and later; the returned function takes the question back. */
export type Check = (request: CheckInput, done: (verdict: Verdict) => void) => () => void

export interface CheckInput {
  readonly info: StreamInfo
  readonly callbacks: HttpFilterCallbacks
  readonly headers: HeaderMap
  readonly body: Buffer | undefined
  readonly bodyIsWhole: boolean
  /** gRPC: the body is sent as bytes, not as text. */
  readonly packAsBytes: boolean
  readonly contextExtensions: Readonly<Record<string, string>>
}

/** Tags the span of the question as Envoy does. */
export function tagStatus(span: CallSpan | undefined, allowed: boolean): void {
  span?.tag('ext_authz_status', allowed ? 'ext_authz_ok' : 'ext_authz_unauthorized')
}
