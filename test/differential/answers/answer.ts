import type { Request } from '../trial.ts'

/** What an upstream sends, byte by byte, to the request beside it. */
export interface Answer {
  readonly request: Request
  /** Latin1; written one after the other with a pause between. */
  readonly pieces: readonly string[]
  /** What becomes of the connection then. */
  readonly end: 'open' | 'end' | 'reset'
}
