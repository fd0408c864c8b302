/** A filter may take a body and give it on later: those behind it must not take the peer's end for its. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BodyBuffer } from '../../base/body-buffer.ts'
import { HeaderMap } from '../../base/header-map.ts'
import { continueDecoding, decodeData, decodeHeaders, decodeTrailers } from './decode.ts'
import { continueEncoding, encodeData, encodeHeaders, encodeTrailers } from './encode.ts'
import type { HttpFilter } from './filter.ts'
import { FilterHandle } from './filter-handle.ts'
import { FilterDataStatus, FilterHeadersStatus, FilterTrailersStatus } from './filter-status.ts'
import type { HttpStream } from './stream.ts'

/** Each in the order in which a message passes it: one that transforms a body, one that waits, and what comes out. */
function chain(request: boolean) {
  const seen: string[] = []
  const takes: HttpFilter = {
    decodeData: () => FilterDataStatus.StopIterationNoBuffer,
    decodeTrailers: () => FilterTrailersStatus.StopIteration,
    encodeData: () => FilterDataStatus.StopIterationNoBuffer,
    encodeTrailers: () => FilterTrailersStatus.StopIteration,
  }
  const waits: HttpFilter = {
    decodeHeaders: () => FilterHeadersStatus.StopAllIterationAndWatermark,
    encodeHeaders: () => FilterHeadersStatus.StopAllIterationAndWatermark,
  }
  const data = (data: BodyBuffer, end: boolean) => {
    seen.push(`${data.linearize()}${end ? '.' : ''}`)
    return FilterDataStatus.Continue
  }
  const trailers = () => {
    seen.push('trailers')
    return FilterTrailersStatus.Continue
  }
  const looks: HttpFilter = { decodeData: data, encodeData: data, decodeTrailers: trailers, encodeTrailers: trailers }
  const headers = HeaderMap.of([])
  const stream = {
    filters: [],
    calls: 0,
    requestHeaders: headers,
    responseHeaders: headers,
    requestBufferLimit: 1000,
    responseBufferLimit: 1000,
    afterCall: () => false,
    sendHeaders() {},
    sendData() {},
    sendTrailers() {},
  } as unknown as HttpStream
  const order = request ? [takes, waits, looks] : [looks, waits, takes]
  for (const [i, filter] of order.entries()) {
    const handle = new FilterHandle(stream, i, undefined as never, undefined as never)
    handle.filter = filter
    stream.filters.push(handle)
  }
  return { stream, headers, seen, first: stream.filters[request ? 0 : 2], second: stream.filters[1] }
}

describe('an end that is withheld', () => {
  test('of a request', () => {
    const { stream, headers, seen, first, second } = chain(true)
    decodeHeaders(stream, 0, headers, false)
    stream.requestComplete = true
    decodeData(stream, 0, BodyBuffer.of('in'), true)
    continueDecoding(stream, second)
    first.injectDecodedData(BodyBuffer.of('out'), false)
    first.injectDecodedData(new BodyBuffer(), true)
    assert.equal(seen.join(''), 'out.')
  })

  test('of a request with trailers', () => {
    const { stream, headers, seen, first, second } = chain(true)
    decodeHeaders(stream, 0, headers, false)
    decodeData(stream, 0, BodyBuffer.of('in'), false)
    stream.requestComplete = true
    stream.requestTrailers = new HeaderMap()
    decodeTrailers(stream, 0)
    continueDecoding(stream, second)
    first.injectDecodedData(BodyBuffer.of('out'), false)
    first.injectDecodedTrailers()
    assert.deepEqual(
      seen.filter((one) => one !== ''),
      ['out', 'trailers'],
    )
  })

  test('of a request, given on before those behind go on', () => {
    const { stream, headers, seen, first, second } = chain(true)
    decodeHeaders(stream, 0, headers, false)
    stream.requestComplete = true
    decodeData(stream, 0, BodyBuffer.of('in'), true)
    first.injectDecodedData(BodyBuffer.of('out'), true)
    continueDecoding(stream, second)
    assert.equal(seen.join(''), 'out.')
  })

  test('of a response', () => {
    const { stream, headers, seen, first, second } = chain(false)
    encodeHeaders(stream, 2, headers, false)
    stream.responseComplete = true
    encodeData(stream, 2, BodyBuffer.of('in'), true)
    continueEncoding(stream, second)
    first.injectEncodedData(BodyBuffer.of('out'), false)
    first.injectEncodedData(new BodyBuffer(), true)
    assert.equal(seen.join(''), 'out.')
  })

  test('of a response with trailers', () => {
    const { stream, headers, seen, first, second } = chain(false)
    encodeHeaders(stream, 2, headers, false)
    encodeData(stream, 2, BodyBuffer.of('in'), false)
    stream.responseComplete = true
    stream.responseTrailers = new HeaderMap()
    encodeTrailers(stream, 2)
    continueEncoding(stream, second)
    first.injectEncodedData(BodyBuffer.of('out'), false)
    first.injectEncodedTrailers()
    assert.deepEqual(
      seen.filter((one) => one !== ''),
      ['out', 'trailers'],
    )
  })
})
