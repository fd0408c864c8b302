import {
  type Http2ProtocolOptions,
  Http2ProtocolOptionsSchema,
  KeepaliveSettingsSchema,
} from '../../../gen/envoy/config/core/v3/protocol_pb.ts'
import { durationMs, invalid, onlyFields, within } from '../config/fields.ts'
import { DEFAULT_WINDOW, MAX_WINDOW } from './frame.ts'
import { DEFAULT_TABLE_SIZE } from './hpack/static-table.ts'

/** `http2_protocol_options`, read once. */
export interface Http2Options {
  readonly tableSize: number
  readonly maxStreams: number
  readonly streamWindow: number
  readonly connectionWindow: number
  /** So much may wait to be sent of each stream: for upstreams the cluster's `per_connection_buffer_limit_bytes`, as in Envoy. */
  readonly bufferLimit: number
  readonly allowConnect: boolean
  /** METADATA frames, Envoy's own. */
  readonly allowMetadata: boolean
  readonly maxOutboundFrames: number
  readonly maxOutboundControlFrames: number
  readonly maxEmptyFrames: number
  readonly maxPriorityFrames: number
  readonly maxWindowUpdates: number
  /** An invalid message ends its stream only, not the connection. */
  readonly streamErrors: boolean
  readonly keepaliveMs: number
  readonly keepaliveTimeoutMs: number
}

/** Envoy's defaults are 2^31-1 streams and windows of 256 MiB: more than a peer may be trusted with. */
const MAX_STREAMS = 1024
const STREAM_WINDOW = 1 << 20
const CONNECTION_WINDOW = 16 << 20

const FIELDS = [
  'hpack_table_size',
  'max_concurrent_streams',
  'initial_stream_window_size',
  'initial_connection_window_size',
  'allow_connect',
  'allow_metadata',
  'max_outbound_frames',
  'max_outbound_control_frames',
  'max_consecutive_inbound_frames_with_empty_payload',
  'max_inbound_priority_frames_per_stream',
  'max_inbound_window_update_frames_per_data_frame_sent',
  'stream_error_on_invalid_http_messaging',
  'override_stream_error_on_invalid_http_message',
  'connection_keepalive',
]

/** `streamErrors` is what the connection manager says of all protocols. */
export function http2Options(
  config: Http2ProtocolOptions | undefined,
  path: string,
  bufferLimit: number,
  streamErrors?: boolean | undefined,
): Http2Options {
  if (config !== undefined) onlyFields(Http2ProtocolOptionsSchema, config, FIELDS, path)
  const keepalive = config?.connectionKeepalive
  if (keepalive !== undefined) {
    const where = `${path}.connection_keepalive`
    onlyFields(KeepaliveSettingsSchema, keepalive, ['interval', 'timeout'], where)
    if (durationMs(keepalive.timeout, 0) <= 0) throw invalid(`${where}.timeout`, 'must be set and above 0')
  }
  return {
    tableSize: config?.hpackTableSize ?? DEFAULT_TABLE_SIZE,
    maxStreams: within(config?.maxConcurrentStreams, MAX_STREAMS, 1, MAX_WINDOW, `${path}.max_concurrent_streams`),
    streamWindow: within(
      config?.initialStreamWindowSize,
      STREAM_WINDOW,
      DEFAULT_WINDOW,
      MAX_WINDOW,
      `${path}.initial_stream_window_size`,
    ),
    connectionWindow: within(
      config?.initialConnectionWindowSize,
      CONNECTION_WINDOW,
      DEFAULT_WINDOW,
      MAX_WINDOW,
      `${path}.initial_connection_window_size`,
    ),
    bufferLimit,
    allowConnect: config?.allowConnect ?? false,
    allowMetadata: config?.allowMetadata ?? false,
    maxOutboundFrames: config?.maxOutboundFrames ?? 10_000,
    maxOutboundControlFrames: config?.maxOutboundControlFrames ?? 1000,
    maxEmptyFrames: config?.maxConsecutiveInboundFramesWithEmptyPayload ?? 1,
    maxPriorityFrames: config?.maxInboundPriorityFramesPerStream ?? 100,
    maxWindowUpdates: config?.maxInboundWindowUpdateFramesPerDataFrameSent ?? 10,
    streamErrors:
      config?.overrideStreamErrorOnInvalidHttpMessage ??
      streamErrors ??
      config?.streamErrorOnInvalidHttpMessaging ??
      false,
    keepaliveMs: durationMs(keepalive?.interval, 0),
    keepaliveTimeoutMs: durationMs(keepalive?.timeout, 0),
  }
}
