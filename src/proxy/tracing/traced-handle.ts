import { performance } from 'node:perf_hooks'
import type { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import {
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  type HttpFilter,
  type LocalReplyOptions,
} from '../http/filter.ts'
import { FilterHandle } from '../http/filter-handle.ts'
import type { StreamInfo } from '../http/stream-info.ts'
import type { MetadataMap } from '../metadata-map.ts'
import { SpanKind } from './span.ts'
import type { StreamTrace } from './stream-trace.ts'

/** One direction of a message through an extension: from its first callback until it let go for the last time. */
interface Passage {
  begin: number
  end: number
  busy: number
  calls: number
  /** It has stopped and not yet gone on. */
  waiting: boolean
}

/** The handle of an extension that gets spans; stands between chain and filter only for requests that show them. */
export class TracedHandle extends FilterHandle {
  readonly request: Passage = { begin: 0, end: 0, busy: 0, calls: 0, waiting: false }
  readonly response: Passage = { begin: 0, end: 0, busy: 0, calls: 0, waiting: false }
  answered = 0

  /** Puts the filter behind the clock. */
  watch(filter: HttpFilter, trace: StreamTrace): HttpFilter {
    return new TracedFilter(filter, this, trace)
  }

  override continueDecoding(): void {
    goOn(this.request)
    super.continueDecoding()
  }

  override continueEncoding(): void {
    goOn(this.response)
    super.continueEncoding()
  }

  override sendLocalReply(code: number, body: string, options?: LocalReplyOptions): void {
    this.answered = code
    goOn(this.request)
    super.sendLocalReply(code, body, options)
  }
}

/** A filter with a clock around its callbacks. */
class TracedFilter implements HttpFilter {
  readonly #filter: HttpFilter
  readonly #handle: TracedHandle
  readonly #trace: StreamTrace

  constructor(filter: HttpFilter, handle: TracedHandle, trace: StreamTrace) {
    this.#filter = filter
    this.#handle = handle
    this.#trace = trace
  }

  decodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    const from = performance.now()
    const status = this.#filter.decodeHeaders?.(headers, endStream) ?? FilterHeadersStatus.Continue
    note(this.#handle.request, from, status !== FilterHeadersStatus.Continue)
    return status
  }

  decodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (this.#filter.decodeData === undefined) return FilterDataStatus.Continue
    const from = performance.now()
    const status = this.#filter.decodeData(data, endStream)
    note(this.#handle.request, from, status !== FilterDataStatus.Continue)
    return status
  }

  decodeTrailers(trailers: HeaderMap): FilterTrailersStatus {
    if (this.#filter.decodeTrailers === undefined) return FilterTrailersStatus.Continue
    const from = performance.now()
    const status = this.#filter.decodeTrailers(trailers)
    note(this.#handle.request, from, status !== FilterTrailersStatus.Continue)
    return status
  }

  decodeMetadata(map: MetadataMap): void {
    if (this.#filter.decodeMetadata === undefined) return
    const from = performance.now()
    const { waiting } = this.#handle.request
    this.#filter.decodeMetadata(map)
    note(this.#handle.request, from, waiting)
  }

  encodeHeaders(headers: HeaderMap, endStream: boolean): FilterHeadersStatus {
    if (this.#filter.encodeHeaders === undefined) return FilterHeadersStatus.Continue
    const from = performance.now()
    const status = this.#filter.encodeHeaders(headers, endStream)
    note(this.#handle.response, from, status !== FilterHeadersStatus.Continue)
    return status
  }

  encodeData(data: BodyBuffer, endStream: boolean): FilterDataStatus {
    if (this.#filter.encodeData === undefined) return FilterDataStatus.Continue
    const from = performance.now()
    const status = this.#filter.encodeData(data, endStream)
    note(this.#handle.response, from, status !== FilterDataStatus.Continue)
    return status
  }

  encodeTrailers(trailers: HeaderMap): FilterTrailersStatus {
    if (this.#filter.encodeTrailers === undefined) return FilterTrailersStatus.Continue
    const from = performance.now()
    const status = this.#filter.encodeTrailers(trailers)
    note(this.#handle.response, from, status !== FilterTrailersStatus.Continue)
    return status
  }

  encodeMetadata(map: MetadataMap): void {
    if (this.#filter.encodeMetadata === undefined) return
    const from = performance.now()
    const { waiting } = this.#handle.response
    this.#filter.encodeMetadata(map)
    note(this.#handle.response, from, waiting)
  }

  onLog(info: StreamInfo): void {
    this.#filter.onLog?.(info)
    this.#report(this.#handle.request, 'request', info)
    this.#report(this.#handle.response, 'response', info)
  }

  onDestroy(): void {
    this.#filter.onDestroy?.()
  }

  #report(passage: Passage, direction: string, info: StreamInfo): void {
    if (passage.calls === 0) return
    const handle = this.#handle
    const { timeOrigin } = performance
    const name = `${handle.slot.name} ${direction}`
    const span = this.#trace.child(name, SpanKind.Internal, timeOrigin + passage.begin)
    span.tag('component', 'extension')
    span.tag('extension.name', handle.slot.name)
    span.tag('extension.calls', String(passage.calls))
    span.tag('extension.busy_us', String(Math.round(passage.busy * 1000)))
    if (direction === 'request' && handle.answered > 0) span.tag('extension.answered', String(handle.answered))
    if (passage.waiting) span.tag('extension.unfinished', 'true')
    span.end = timeOrigin + (passage.waiting ? info.endMono : passage.end)
    this.#trace.report(span)
  }
}

function note(passage: Passage, from: number, waiting: boolean): void {
  const now = performance.now()
  if (passage.calls === 0) passage.begin = from
  passage.calls++
  passage.busy += now - from
  passage.end = now
  passage.waiting = waiting
}

function goOn(passage: Passage): void {
  passage.waiting = false
  passage.end = performance.now()
}
