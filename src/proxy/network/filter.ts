/** The network filter interface: Envoy's (`envoy/network/filter.h`), for filters on the bytes of a connection. */
import type { DescMessage } from '@bufbuild/protobuf'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { Cell } from '../../telemetry/metrics.ts'
import type { FilterConfig, FilterFactory } from '../filter-chain/factory.ts'
import type { ConnectionInfo } from './connection-info.ts'

/** What a network filter answers. */
export const FilterStatus = {
  /** Go on with the next filter. */
  Continue: 0,
  /** Keep what was read in the connection's buffer; the next call sees it all. */
  StopIteration: 1,
} as const
export type FilterStatus = (typeof FilterStatus)[keyof typeof FilterStatus]

/** Who closed a connection. */
export type CloseOrigin = 'downstream' | 'upstream' | 'local'

/** One connection's filter. Reads run in the order of the chain, writes in reverse. */
export interface NetworkFilter {
  onNewConnection?(): FilterStatus
  /** From downstream. What this filter leaves in `data` goes to the next; on a stop it stays and comes again with what follows. */
  onData?(data: BodyBuffer, endStream: boolean): FilterStatus
  /** To downstream. */
  onWrite?(data: BodyBuffer, endStream: boolean): FilterStatus
  /** The connection is closed: by the client, the upstream of a terminal filter, or this proxy. */
  onClose?(origin: CloseOrigin): void
}

/** What a network filter may do with its connection. */
export interface NetworkFilterCallbacks {
  readonly connection: ConnectionInfo
  /** Goes on with the chain behind this filter, with what is in the read buffer. */
  continueReading(): void
  /** Writes to downstream behind this filter. */
  write(data: BodyBuffer, endStream: boolean): void
  /** Flushes what was written, then closes; `abort` drops it, `reset` does so with RST. */
  close(details: string, abort?: boolean | 'reset'): void
  /** The client has ended the connection with RST. */
  readonly peerReset: boolean
  /** What has been read of the connection, also what no filter has let through. */
  readonly bytesRead: number
  /** Counts the bytes of the connection, too. */
  count(read: Cell, written: Cell): void
  pauseReading(): void
  resumeReading(): void
  /** Calls back each time the socket's buffer is empty again after `write` found it full. */
  onDrain(callback: () => void): void
  readonly writableNeedsDrain: boolean
  setDynamicMetadata(namespace: string, values: Record<string, unknown>): void
  /** What the filters of the connection have set so far. */
  readonly dynamicMetadata: ReadonlyMap<string, Record<string, unknown>>
  /** Values that the filters of the connection share (Envoy's filter state). */
  readonly filterState: Map<string, Uint8Array>
  /** Upstream addressing of `tcp_proxy`, for filters that report it. */
  readonly upstream: { host: string; localAddress: string; cluster: string }
}

/** A network filter's configuration, compiled once per worker. */
export interface NetworkFilterConfig extends FilterConfig {
  /** `undefined`: this connection needs no such filter. */
  createFilter(callbacks: NetworkFilterCallbacks): NetworkFilter | undefined
}

/** A network filter type. */
export type NetworkFilterFactory<C extends DescMessage = DescMessage> = FilterFactory<NetworkFilterConfig, C>
