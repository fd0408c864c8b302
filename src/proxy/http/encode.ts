/** The response's way back through the filters, last to first; the mirror of decode.ts. */

import { BodyBuffer } from '../../base/body-buffer.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import type { FilterHandle } from './filter-handle.ts'
import { FilterDataStatus, FilterHeadersStatus, FilterTrailersStatus } from './filter-status.ts'
import { holdResponse, takeResponseBuffer } from './held.ts'
import { Iteration } from './iteration.ts'
import { releaseResponseMetadata } from './metadata.ts'
import type { HttpStream } from './stream.ts'

/** Hands the response's headers to the filters from `from` down to the first, then to the codec. */
export function encodeHeaders(stream: HttpStream, from: number, headers: HeaderMap, end: boolean): void {
  const filters = stream.filters
  let endStream = end
  /** A filter that gave a body to a response without one: the rest of the chain gets it after the headers. */
  let bodyFrom: FilterHandle | undefined
  for (let i = from; i >= 0; i--) {
    const handle = filters[i]
    const direction = handle.encode
    const filter = handle.filter
    direction.endStream = endStream
    let status: number = FilterHeadersStatus.Continue
    if (filter.encodeHeaders !== undefined) {
      stream.calls++
      status = filter.encodeHeaders(headers, endStream)
      stream.calls--
      stream.afterCall()
      if (stream.encodeAborted || stream.responseHeaders !== headers) return
    }
    if (status === FilterHeadersStatus.ContinueAndDontEndStream) {
      endStream = false
      direction.endStream = false
      direction.headersContinued = true
      continue
    }
    if (status === FilterHeadersStatus.Continue) {
      direction.headersContinued = true
      if (
        endStream &&
        bodyFrom === undefined &&
        stream.responseBuffer !== undefined &&
        stream.responseBuffer.length > 0
      ) {
        bodyFrom = handle
        endStream = false
      }
      continue
    }
    if (status === FilterHeadersStatus.StopIteration) direction.iteration = Iteration.StopSingle
    else {
      direction.iteration = Iteration.StopAll
      stream.responseStreaming = status === FilterHeadersStatus.StopAllIterationAndWatermark
    }
    if (bodyFrom !== undefined) resumeFrom(stream, bodyFrom)
    return
  }
  stream.sendHeaders(headers, endStream)
  if (bodyFrom !== undefined) resumeFrom(stream, bodyFrom)
}

function resumeFrom(stream: HttpStream, handle: FilterHandle): void {
  handle.encode.iteration = Iteration.StopSingle
  continueEncoding(stream, handle)
}

/** A piece of the body, likewise. */
export function encodeData(stream: HttpStream, from: number, data: BodyBuffer, end: boolean): void {
  const filters = stream.filters
  const hadTrailers = stream.responseTrailers !== undefined
  let trailersFrom = -1
  let endStream = end
  for (let i = from; i >= 0; i--) {
    const handle = filters[i]
    const direction = handle.encode
    if (direction.iteration === Iteration.StopAll) {
      holdResponse(stream, data)
      return
    }
    if (direction.endStream) return
    direction.endStream = endStream
    const filter = handle.filter
    let status: number = FilterDataStatus.Continue
    if (filter.encodeData !== undefined) {
      data.sole = false
      stream.calls++
      status = filter.encodeData(data, endStream)
      stream.calls--
      stream.afterCall()
      if (stream.encodeAborted) return
    }
    if (!hadTrailers && trailersFrom === -1 && stream.responseTrailers !== undefined) {
      trailersFrom = i
      endStream = false
    }
    if (status === FilterDataStatus.Continue) {
      if (direction.iteration === Iteration.StopSingle) {
        holdResponse(stream, data)
        continueEncoding(stream, handle)
        return
      }
      continue
    }
    direction.iteration = Iteration.StopSingle
    if (status === FilterDataStatus.StopIterationNoBuffer) {
      direction.withholds = true
      // What a filter has held is the chain's, and stays: Envoy passes its buffer on, and takes nothing out of it.
      if (data === stream.responseResumed && data.length > 0) holdResponse(stream, data)
      if (stream.responseComplete && stream.responseTrailers === undefined) stream.responseBuffer ??= new BodyBuffer()
    } else {
      stream.responseStreaming = status === FilterDataStatus.StopIterationAndWatermark
      holdResponse(stream, data)
    }
    // Trailers that a filter before this one has made come to it as those of the peer would.
    if (trailersFrom > i && !stream.over && !stream.encodeAborted) encodeTrailers(stream, trailersFrom - 1)
    return
  }
  stream.sendData(data, endStream)
  if (trailersFrom !== -1) encodeTrailers(stream, trailersFrom - 1)
}

/** The end of a response that has trailers. */
export function encodeTrailers(stream: HttpStream, from: number): void {
  const filters = stream.filters
  const trailers = stream.responseTrailers as HeaderMap
  for (let i = from; i >= 0; i--) {
    const handle = filters[i]
    const direction = handle.encode
    if (direction.iteration === Iteration.StopAll) return
    direction.endStream = true
    const filter = handle.filter
    let status: number = FilterTrailersStatus.Continue
    if (filter.encodeTrailers !== undefined) {
      stream.calls++
      stream.encodingTrailers = true
      status = filter.encodeTrailers(trailers)
      stream.encodingTrailers = false
      stream.calls--
      stream.afterCall()
      if (stream.encodeAborted) return
    }
    if (status === FilterTrailersStatus.Continue) {
      if (direction.iteration === Iteration.StopSingle) {
        continueEncoding(stream, handle)
        return
      }
      continue
    }
    direction.iteration = Iteration.StopSingle
    direction.withholds = true
    return
  }
  stream.sendTrailers(trailers)
}

/** The end has not come to the filter at this index: one before it (on the response's way) has it. */
function endWithheld(stream: HttpStream, index: number): boolean {
  for (let i = stream.filters.length - 1; i > index; i--) if (stream.filters[i].encode.withholds) return true
  return false
}

/** All of the response has come to where it is sent. */
export function responseIsWhole(stream: HttpStream): boolean {
  return stream.responseComplete && !endWithheld(stream, -1)
}

/** Goes on behind a filter that has given the body on by itself. */
export function injectResponseTrailers(stream: HttpStream, handle: FilterHandle): void {
  if (stream.over || stream.encodeAborted) return
  handle.encode.iteration = Iteration.Running
  handle.encode.withholds = false
  encodeTrailers(stream, handle.index - 1)
}

/** A filter lets go on what it has stopped; the twin of `continueDecoding`. */
export function continueEncoding(stream: HttpStream, handle: FilterHandle): void {
  const direction = handle.encode
  if (stream.over || stream.encodeAborted || direction.iteration === Iteration.Running) return
  if (stream.calls > 0) {
    process.nextTick(continueEncoding, stream, handle)
    return
  }
  const fromCurrent = direction.iteration === Iteration.StopAll
  direction.iteration = Iteration.Running
  const withheld = direction.withholds
  direction.withholds = false
  const complete = stream.responseComplete && !endWithheld(stream, handle.index)
  if (!direction.headersContinued) {
    direction.headersContinued = true
    const bare = complete && stream.responseBuffer === undefined && stream.responseTrailers === undefined
    encodeHeaders(stream, handle.index - 1, stream.responseHeaders as HeaderMap, bare)
    if (stream.over || stream.encodeAborted) return
  }
  if (stream.parkedResponseMetadata !== undefined) {
    releaseResponseMetadata(stream)
    if (stream.over || stream.encodeAborted) return
  }
  const hadTrailers = complete && stream.responseTrailers !== undefined
  const from = fromCurrent ? handle.index : handle.index - 1
  if (fromCurrent) direction.endStream = false
  const end = complete && !hadTrailers
  const held = takeResponseBuffer(stream) ?? (withheld && end ? new BodyBuffer() : undefined)
  if (held !== undefined) {
    stream.responseResumed = held
    encodeData(stream, from, held, end)
    stream.responseResumed = undefined
    if (stream.over || stream.encodeAborted) return
  }
  if (hadTrailers) encodeTrailers(stream, from)
}
