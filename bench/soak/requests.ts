/** What is asked for during a soak, what the upstream does then, and what must come of it. */

/** How a request ended, as its client saw it. */
export type Outcome = `${number}` | `${number} cut` | 'aborted'

export interface Kind {
  readonly path: string
  /** Of a thousand requests, about so many are of this kind. */
  readonly share: number
  readonly expected: readonly Outcome[]
  readonly method?: 'GET' | 'POST'
  /** Bytes of the request's body; a chunked one when negative. */
  readonly body?: number
  readonly headers?: string
  readonly hostile?: boolean
  /** The client resets the connection so long after it has sent this. */
  readonly abortMs?: number
}

export const BODY = 'a body of sixty-six bytes, which is about the size of a short JSON'

export const KINDS: readonly Kind[] = [
  { path: '/ok', share: 800, expected: ['200'] },
  { path: '/large', share: 20, expected: ['200'] },
  { path: '/echo', share: 60, expected: ['200'], method: 'POST', body: 3000 },
  { path: '/echo', share: 20, expected: ['200'], method: 'POST', body: -100_000 },
  { path: '/slow', share: 10, expected: ['200'] },
  // The upstream resets the first try of each; the second is answered.
  { path: '/flaky', share: 20, expected: ['200'] },
  { path: '/500', share: 10, expected: ['500'] },
  { path: '/refused', share: 10, expected: ['503'] },
  { path: '/never', share: 5, expected: ['504'] },
  { path: '/reset-head', share: 10, expected: ['502'] },
  { path: '/reset-body', share: 10, expected: ['200 cut'] },
  { path: '/ok', share: 10, expected: ['aborted', '200'], abortMs: 0 },
  { path: '/slow', share: 5, expected: ['aborted', '200'], abortMs: 2 },
  { path: '/echo', share: 5, expected: ['aborted', '200'], method: 'POST', body: -100_000, abortMs: 1 },
  { path: '/ok', share: 4, expected: ['200', '503'], hostile: true },
  { path: '/ok', share: 1, expected: ['503', '500'], headers: 'x-loop: 1\r\n', hostile: true },
  { path: '/ok', share: 1, expected: ['503', '500'], headers: 'x-trap: 1\r\n', hostile: true },
]

export const ROUTES: readonly string[] = [
  '{ match: { prefix: /refused }, route: { cluster: refused, retry_policy: { retry_on: connect-failure, num_retries: 1 } } }',
  '{ match: { prefix: /never }, route: { cluster: up, timeout: 0.2s } }',
  '{ match: { prefix: /flaky }, route: { cluster: up, retry_policy: { retry_on: "5xx,reset,connect-failure", num_retries: 3 } } }',
  '{ match: { prefix: /500 }, route: { cluster: up, retry_policy: { retry_on: 5xx, num_retries: 2, retry_back_off: { base_interval: 0.001s } } } }',
  '{ match: { prefix: / }, route: { cluster: up } }',
]
