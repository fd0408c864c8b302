/** One generated connection of an HTTP/2 client: what it sends, to a listener of its own. */
import type { Field } from '../trial.ts'

export type Json = Readonly<Record<string, unknown>>

export interface Trial {
  readonly id: string
  /** Fields of the connection manager. */
  readonly manager: Json
  /** Its first SETTINGS. */
  readonly settings: readonly Setting[]
  readonly pieces: readonly Piece[]
  /** With a pause behind each piece, so that it is read alone. */
  readonly slow: boolean
}

export type Setting = readonly [id: number, value: number]

export interface HeadersPiece {
  readonly stream: number
  readonly fields: readonly Field[]
  /** How they are coded (RFC 7541 6.2). */
  readonly form: 'add' | 'plain' | 'never'
  readonly end?: true
  /** Where CONTINUATION frames begin. */
  readonly split?: readonly number[]
  readonly pad?: number
  /** Depends on this stream. */
  readonly priority?: number
}

export type Piece =
  | HeadersPiece
  | { readonly stream: number; readonly data: number; readonly end?: true; readonly pad?: number }
  | { readonly stream: number; readonly reset: number }
  | { readonly stream: number; readonly window: number }
  | { readonly settings: readonly Setting[] }
  /** Any other: type, flags, stream, payload. */
  | { readonly other: readonly [type: number, flags: number, stream: number, payload: string] }
  | 'rest'
