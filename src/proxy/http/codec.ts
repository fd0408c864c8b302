/** Between a connection's codec and its streams; the same for HTTP/1.1 and HTTP/2. */
import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { MetadataMap } from '../metadata-map.ts'
import type { HttpStream } from './stream.ts'

/** What a codec tells the stream of a request. */
export interface RequestSink {
  onRequestHeaders(headers: HeaderMap, endStream: boolean): void
  onRequestData(data: BodyBuffer, endStream: boolean): void
  onRequestTrailers(trailers: HeaderMap): void
  onRequestMetadata(map: MetadataMap): void
  /** The peer or the connection is gone, or spoke nonsense; nothing more comes and nothing can be sent. */
  onDownstreamReset(flag: number, details: string): void
  /** The message cannot be read further, but an answer can still be sent. */
  onCodecError(status: number, details: string): void
  onDownstreamBlocked(): void
  onDownstreamDrained(): void
}

/** What a stream tells its codec. After `endStream` or `reset` nothing more. */
export interface ResponseEncoder {
  encode100Continue(): void
  encodeHeaders(headers: HeaderMap, endStream: boolean): void
  encodeData(data: BodyBuffer, endStream: boolean): void
  encodeTrailers(trailers: HeaderMap): void
  /** Absent where the protocol has no METADATA. */
  encodeMetadata?(map: MetadataMap): void
  /** Another stream goes on with the request, whose end has been read, in place of this one. */
  continueWith(stream: HttpStream): void
  reset(): void
  /** The stream is over on both sides and has logged itself. */
  streamDone(): void
  pauseReading(): void
  resumeReading(): void
}
