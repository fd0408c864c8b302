import { ErrorCode, Http2Error, protocolError } from './error-code.ts'
import {
  DEFAULT_FRAME_SIZE,
  DEFAULT_WINDOW,
  FRAME_HEADER,
  FrameType,
  MAX_FRAME_SIZE,
  MAX_WINDOW,
  readUint32,
} from './frame.ts'
import { DEFAULT_TABLE_SIZE } from './hpack/static-table.ts'
import type { Http2Output } from './output.ts'

/** RFC 9113 6.5.2, RFC 8441 3. */
export const Setting = {
  HeaderTableSize: 1,
  EnablePush: 2,
  MaxConcurrentStreams: 3,
  InitialWindowSize: 4,
  MaxFrameSize: 5,
  MaxHeaderListSize: 6,
  EnableConnectProtocol: 8,
} as const

/** What the peer has said of itself. */
export class PeerSettings {
  headerTableSize = DEFAULT_TABLE_SIZE
  maxStreams = Number.POSITIVE_INFINITY
  initialWindow = DEFAULT_WINDOW
  maxFrameSize = DEFAULT_FRAME_SIZE
  connectProtocol = false

  /** One pair of a SETTINGS frame. `server` is which end the peer is. */
  apply(id: number, value: number, server: boolean): void {
    switch (id) {
      case Setting.HeaderTableSize:
        this.headerTableSize = value
        break
      case Setting.EnablePush:
        // RFC 9113 6.5.2: a server never sends 1.
        if (value > 1 || (server && value === 1)) throw protocolError('invalid SETTINGS_ENABLE_PUSH')
        break
      case Setting.MaxConcurrentStreams:
        this.maxStreams = value
        break
      case Setting.InitialWindowSize:
        if (value > MAX_WINDOW) throw new Http2Error(ErrorCode.FlowControlError, 'invalid SETTINGS_INITIAL_WINDOW_SIZE')
        this.initialWindow = value
        break
      case Setting.MaxFrameSize:
        if (value < DEFAULT_FRAME_SIZE || value > MAX_FRAME_SIZE) throw protocolError('invalid SETTINGS_MAX_FRAME_SIZE')
        this.maxFrameSize = value
        break
      case Setting.EnableConnectProtocol:
        // RFC 8441 3: it cannot be taken back.
        if (value > 1 || (this.connectProtocol && value === 0))
          throw protocolError('invalid SETTINGS_ENABLE_CONNECT_PROTOCOL')
        this.connectProtocol = value === 1
        break
      default:
      // RFC 9113 6.5.2: unknown settings are ignored.
    }
  }

  /** The payload of a SETTINGS frame. */
  read(bytes: Buffer, start: number, end: number, server: boolean): void {
    if ((end - start) % 6 !== 0) throw new Http2Error(ErrorCode.FrameSizeError, 'SETTINGS of invalid length')
    for (let at = start; at < end; at += 6) {
      this.apply((bytes[at] << 8) | bytes[at + 1], readUint32(bytes, at + 2), server)
    }
  }
}

/** Sends our own. */
export function writeSettings(output: Http2Output, pairs: readonly (readonly [id: number, value: number])[]): void {
  output.need(FRAME_HEADER + pairs.length * 6)
  output.head(pairs.length * 6, FrameType.Settings, 0, 0)
  for (const [id, value] of pairs) {
    output.buffer[output.at++] = id >>> 8
    output.buffer[output.at++] = id
    output.uint32(value)
  }
}
