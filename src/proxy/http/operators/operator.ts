import { byteString } from '../../../base/byte-string.ts'
import type { StreamInfo } from '../stream-info.ts'

/** A value of an operator; `undefined` prints as `-` (or '' with omit_empty_values), and null in JSON. */
export interface Operator {
  (info: StreamInfo): string | number | undefined
  /** The value as JSON, where that is more than a string or number. */
  readonly json?: (info: StreamInfo, max?: number) => string | undefined
}

/** What a value is bound to besides the stream. */
export interface FormatContext {
  /** `%LOCAL_REPLY_BODY%` */
  readonly localReplyBody?: () => string
  /** Metadata of the listener, as JSON by namespace. */
  readonly listenerMetadata?: Readonly<Record<string, unknown>>
}

/** Compiles an operator; `limit` is its length. */
export type CompileOperator = (name: string, argument: string | undefined, limit: number | undefined) => Operator

/** Of what is text and not bytes. */
export function text(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : byteString(value)
}
