import type { Flood } from './stats.ts'

/** RFC 9113 7. */
export const ErrorCode = {
  NoError: 0,
  ProtocolError: 1,
  InternalError: 2,
  FlowControlError: 3,
  SettingsTimeout: 4,
  StreamClosed: 5,
  FrameSizeError: 6,
  RefusedStream: 7,
  Cancel: 8,
  CompressionError: 9,
  ConnectError: 10,
  EnhanceYourCalm: 11,
} as const
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

/** What ends a connection (RFC 9113 5.4.1): the code for GOAWAY and the words for its debug data. */
export class Http2Error extends Error {
  override readonly name = 'Http2Error'
  readonly code: ErrorCode
  /** Which limit was passed. */
  readonly flood: Flood | undefined

  constructor(code: ErrorCode, message: string, flood?: Flood) {
    super(message)
    this.code = code
    this.flood = flood
  }
}

/** A connection error of the kind PROTOCOL_ERROR. */
export function protocolError(message: string): Http2Error {
  return new Http2Error(ErrorCode.ProtocolError, message)
}
