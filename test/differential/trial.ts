/** One generated configuration with what is asked of it. */

/** Lists instead of objects: names repeat, and a reduction can leave out any. */
export type Field = readonly [name: string, value: string]

export interface Request {
  /** `2` is sent with prior knowledge. */
  readonly version: '1.0' | '1.1' | '2'
  readonly method: string
  readonly target: string
  /** Over HTTP/2 `host` is `:authority`. */
  readonly headers: readonly Field[]
  readonly body?: string
}

export interface Trial {
  /** Fields of the connection manager. */
  readonly manager: Readonly<Record<string, unknown>>
  readonly routes: Readonly<Record<string, unknown>>
  readonly requests: readonly Request[]
}

/** By it the upstreams and the log tell requests apart. */
export const TAG = 'x-trial'
