/** RFC 9113 6, and METADATA, which is Envoy's own. */
export const FrameType = {
  Data: 0,
  Headers: 1,
  Priority: 2,
  RstStream: 3,
  Settings: 4,
  PushPromise: 5,
  Ping: 6,
  GoAway: 7,
  WindowUpdate: 8,
  Continuation: 9,
  Metadata: 0x4d,
} as const

/** RFC 9113 6; a bit means something else in another type of frame. */
export const Flag = {
  EndStream: 0x1,
  Ack: 0x1,
  EndHeaders: 0x4,
  EndMetadata: 0x4,
  Padded: 0x8,
  Priority: 0x20,
} as const

/** Every frame begins with its length, type, flags and stream. */
export const FRAME_HEADER = 9

/** SETTINGS_MAX_FRAME_SIZE where nothing else was said; we never ask for more. */
export const DEFAULT_FRAME_SIZE = 16_384
/** The most that a peer may ask for (RFC 9113 6.5.2). */
export const MAX_FRAME_SIZE = 16_777_215

/** SETTINGS_INITIAL_WINDOW_SIZE where nothing else was said, and what a connection always begins with (RFC 9113 6.9.2). */
export const DEFAULT_WINDOW = 65_535
/** RFC 9113 6.9.1: a window that would grow beyond this is a flow-control error. */
export const MAX_WINDOW = 0x7fffffff

/** RFC 9113 3.4. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** In network order, without a sign. */
export function readUint32(bytes: Buffer, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0
}

/** 31 bits; the reserved bit in front is ignored (RFC 9113 4.1). */
export function readUint31(bytes: Buffer, at: number): number {
  return ((bytes[at] & 0x7f) << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
}
