/** The request's way through the filters; Envoy's FilterManager (`filter_manager.cc`), whose names are kept. */

import { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { FilterHandle } from './filter-handle.ts'
import { FilterDataStatus, FilterHeadersStatus, FilterTrailersStatus } from './filter-status.ts'
import { holdRequest, takeRequestBuffer } from './held.ts'
import { Iteration } from './iteration.ts'
import { releaseRequestMetadata } from './metadata.ts'
import type { HttpStream } from './stream.ts'

/** Hands the request's headers to the filters from `from` on; `end`: nothing follows. The last filter is the router. */
export function decodeHeaders(stream: HttpStream, from: number, headers: HeaderMap, end: boolean): void {
  const filters = stream.filters
  let endStream = end
  /** A filter that gave a body to a request without one: the rest of the chain gets it after the headers. */
  let bodyFrom: FilterHandle | undefined
  for (let i = from; i < filters.length; i++) {
    const handle = filters[i]
    const direction = handle.decode
    const filter = handle.filter
    direction.endStream = endStream
    let status: number = FilterHeadersStatus.Continue
    if (filter.decodeHeaders !== undefined) {
      stream.calls++
      status = filter.decodeHeaders(headers, endStream)
      stream.calls--
      if (stream.afterCall()) return
    }
    if (status === FilterHeadersStatus.ContinueAndDontEndStream) {
      endStream = false
      direction.endStream = false
      direction.headersContinued = true
      continue
    }
    const gaveBody = endStream && stream.requestBuffer !== undefined && stream.requestBuffer.length > 0
    if (status === FilterHeadersStatus.Continue) {
      direction.headersContinued = true
      if (gaveBody && bodyFrom === undefined) {
        bodyFrom = handle
        endStream = false
      }
      continue
    }
    if (status === FilterHeadersStatus.StopIteration) direction.iteration = Iteration.StopSingle
    else {
      direction.iteration = Iteration.StopAll
      stream.requestStreaming = status === FilterHeadersStatus.StopAllIterationAndWatermark
    }
    break
  }
  if (bodyFrom !== undefined) {
    bodyFrom.decode.iteration = Iteration.StopSingle
    continueDecoding(stream, bodyFrom)
  }
}

/** A piece of the body; what a filter does not let pass is held (`holdRequest`). */
export function decodeData(stream: HttpStream, from: number, data: BodyBuffer, end: boolean): void {
  const filters = stream.filters
  const hadTrailers = stream.requestTrailers !== undefined
  let trailersFrom = -1
  let endStream = end
  for (let i = from; i < filters.length; i++) {
    const handle = filters[i]
    const direction = handle.decode
    if (direction.iteration === Iteration.StopAll) {
      holdRequest(stream, data)
      return
    }
    if (direction.endStream) return
    direction.endStream = endStream
    const filter = handle.filter
    let status: number = FilterDataStatus.Continue
    if (filter.decodeData !== undefined) {
      // The last filter is the router, which says itself what it keeps.
      if (i < filters.length - 1) data.sole = false
      stream.calls++
      status = filter.decodeData(data, endStream)
      stream.calls--
      if (stream.afterCall()) return
    }
    if (!hadTrailers && trailersFrom === -1 && stream.requestTrailers !== undefined) {
      trailersFrom = i
      endStream = false
    }
    if (status === FilterDataStatus.Continue) {
      if (direction.iteration === Iteration.StopSingle) {
        holdRequest(stream, data)
        if (!stream.over) continueDecoding(stream, handle)
        return
      }
      continue
    }
    direction.iteration = Iteration.StopSingle
    if (status === FilterDataStatus.StopIterationNoBuffer) {
      direction.withholds = true
      // What a filter has held is the chain's, and stays: Envoy passes its buffer on, and takes nothing out of it.
      if (data === stream.requestResumed && data.length > 0) holdRequest(stream, data)
      // An end without bytes has to come again on continue, so there must be something to continue with.
      if (stream.requestComplete && stream.requestTrailers === undefined) stream.requestBuffer ??= new BodyBuffer()
    } else {
      stream.requestStreaming = status === FilterDataStatus.StopIterationAndWatermark
      holdRequest(stream, data)
    }
    // Trailers that a filter before this one has made come to it as those of the peer would.
    if (trailersFrom !== -1 && trailersFrom < i && !stream.over && !stream.decodeAborted)
      decodeTrailers(stream, trailersFrom + 1)
    return
  }
  if (trailersFrom !== -1) decodeTrailers(stream, trailersFrom + 1)
}

/** The end of a request that has trailers. Filters that wait for the end of the body hear of it here. */
export function decodeTrailers(stream: HttpStream, from: number): void {
  const filters = stream.filters
  const trailers = stream.requestTrailers as HeaderMap
  for (let i = from; i < filters.length; i++) {
    const handle = filters[i]
    const direction = handle.decode
    if (direction.iteration === Iteration.StopAll) return
    direction.endStream = true
    const filter = handle.filter
    let status: number = FilterTrailersStatus.Continue
    if (filter.decodeTrailers !== undefined) {
      stream.calls++
      stream.decodingTrailers = true
      status = filter.decodeTrailers(trailers)
      stream.decodingTrailers = false
      stream.calls--
      if (stream.afterCall()) return
    }
    if (status === FilterTrailersStatus.Continue) {
      if (direction.iteration === Iteration.StopSingle) {
        continueDecoding(stream, handle)
        return
      }
      continue
    }
    direction.iteration = Iteration.StopSingle
    direction.withholds = true
    return
  }
}

/** Whether the end has not come to this filter yet, because one before it keeps it back. */
function endWithheld(stream: HttpStream, handle: FilterHandle): boolean {
  for (let i = 0; i < handle.index; i++) if (stream.filters[i].decode.withholds) return true
  return false
}

/** Goes on behind a filter that has given the body on by itself. */
export function injectRequestTrailers(stream: HttpStream, handle: FilterHandle): void {
  if (stream.over || stream.decodeAborted) return
  handle.decode.iteration = Iteration.Running
  handle.decode.withholds = false
  decodeTrailers(stream, handle.index + 1)
}

/** A filter lets go on what it has stopped; called by the filter, at once or later. Inside of a call of the chain it waits for its end. */
export function continueDecoding(stream: HttpStream, handle: FilterHandle): void {
  const direction = handle.decode
  if (stream.over || stream.decodeAborted || direction.iteration === Iteration.Running) return
  // No filter is entered while a call of the same stream is on the stack.
  if (stream.calls > 0) {
    process.nextTick(continueDecoding, stream, handle)
    return
  }
  const fromCurrent = direction.iteration === Iteration.StopAll
  direction.iteration = Iteration.Running
  const withheld = direction.withholds
  direction.withholds = false
  const complete = stream.requestComplete && !endWithheld(stream, handle)
  if (!direction.headersContinued) {
    direction.headersContinued = true
    const bare = complete && stream.requestBuffer === undefined && stream.requestTrailers === undefined
    decodeHeaders(stream, handle.index + 1, stream.requestHeaders, bare)
    if (stream.over || stream.decodeAborted) return
  }
  if (stream.parkedRequestMetadata !== undefined) {
    releaseRequestMetadata(stream)
    if (stream.over || stream.decodeAborted) return
  }
  const hadTrailers = complete && stream.requestTrailers !== undefined
  const from = fromCurrent ? handle.index : handle.index + 1
  if (fromCurrent) direction.endStream = false
  // Where nothing is held any more the end alone goes on, in an empty piece: a filter behind this one may have let the body go when it
  // was continued, and could not know that this one still kept the end back.
  const end = complete && !hadTrailers
  const held = takeRequestBuffer(stream) ?? (withheld && end ? new BodyBuffer() : undefined)
  if (held !== undefined) {
    stream.requestResumed = held
    decodeData(stream, from, held, end)
    stream.requestResumed = undefined
    if (stream.over || stream.decodeAborted) return
  }
  if (hadTrailers) decodeTrailers(stream, from)
}
