/**
 * HTTP/2 METADATA on its way through the filters. It goes ahead of the body, but never past a filter that has the headers and has not
 * let them go: there it is parked until they move on. A response's may come before there are headers, and does not wait for them (as
 * in Envoy).
 */
import type { MetadataMap } from '../metadata-map.ts'
import { Iteration } from './iteration.ts'
import type { HttpStream } from './stream.ts'

/** What waits for headers, and for which filter it is meant next. */
export interface ParkedMetadata {
  readonly from: number
  readonly map: MetadataMap
}

/** Hands a request's METADATA to the filters from `from` on. No filter can hold it but by holding the headers. */
export function decodeMetadata(stream: HttpStream, from: number, map: MetadataMap): void {
  const { filters } = stream
  for (let i = from; i < filters.length; i++) {
    const { decode, filter } = filters[i]
    if (decode.iteration === Iteration.StopAll) {
      stream.parkedRequestMetadata ??= []
      stream.parkedRequestMetadata.push({ from: i, map })
      return
    }
    if (filter.decodeMetadata !== undefined) {
      stream.calls++
      filter.decodeMetadata(map)
      stream.calls--
      if (stream.afterCall()) return
    }
    if (!decode.headersContinued && i < filters.length - 1) {
      stream.parkedRequestMetadata ??= []
      stream.parkedRequestMetadata.push({ from: i + 1, map })
      return
    }
  }
}

/** Hands a response's to the filters from `from` down to the first. */
export function encodeMetadata(stream: HttpStream, from: number, map: MetadataMap): void {
  const { filters } = stream
  for (let i = from; i >= 0; i--) {
    const { encode, filter } = filters[i]
    if (encode.iteration === Iteration.StopAll) {
      stream.parkedResponseMetadata ??= []
      stream.parkedResponseMetadata.push({ from: i, map })
      return
    }
    if (filter.encodeMetadata !== undefined) {
      stream.calls++
      filter.encodeMetadata(map)
      stream.calls--
      stream.afterCall()
      if (stream.encodeAborted) return
    }
    if (!encode.headersContinued && stream.responseHeaders !== undefined) {
      stream.parkedResponseMetadata ??= []
      stream.parkedResponseMetadata.push({ from: i - 1, map })
      return
    }
  }
  stream.sendMetadata(map)
}

/** The request's headers have moved on. */
export function releaseRequestMetadata(stream: HttpStream): void {
  const parked = stream.parkedRequestMetadata
  stream.parkedRequestMetadata = undefined
  if (parked === undefined) return
  for (const { from, map } of parked) if (!stream.over && !stream.decodeAborted) decodeMetadata(stream, from, map)
}

/** The response's headers have moved on. */
export function releaseResponseMetadata(stream: HttpStream): void {
  const parked = stream.parkedResponseMetadata
  stream.parkedResponseMetadata = undefined
  if (parked === undefined) return
  for (const { from, map } of parked) if (!stream.over && !stream.encodeAborted) encodeMetadata(stream, from, map)
}
