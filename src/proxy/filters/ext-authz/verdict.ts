import type { HeaderMap } from '../../../base/header-map.ts'
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
  readonly headers: HeaderMap
  readonly body: Buffer | undefined
  readonly bodyIsWhole: boolean
  readonly contextExtensions: Readonly<Record<string, string>>
}
