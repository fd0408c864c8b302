/** W3C Trace Context (https://www.w3.org/TR/trace-context/). */
import type { HeaderMap } from '../../base/header-map.ts'
import type { Span, SpanContext } from './span.ts'

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/i
const ZEROS = /^0+$/

/** Section 3.2: a `traceparent` that cannot be read, or with an id of zeros, is no trace; its `tracestate` counts for nothing. */
export function extractW3c(headers: HeaderMap): SpanContext | 'broken' | undefined {
  const header = headers.get('traceparent')
  if (header === undefined) return undefined
  const match = TRACEPARENT.exec(header)
  if (match === null) return 'broken'
  const [, traceId, spanId, flags] = match
  if (ZEROS.test(traceId) || ZEROS.test(spanId)) return 'broken'
  return {
    traceId: traceId.toLowerCase(),
    spanId: spanId.toLowerCase(),
    sampled: (Number.parseInt(flags, 16) & 1) === 1,
    // Section 3.3.1.1: several headers are one list.
    traceState: headers.getAll('tracestate').join(','),
  }
}

/** Tells the next hop; what it was told by the client is replaced. */
export function injectW3c(span: Span, headers: HeaderMap): void {
  headers.put('traceparent', `00-${span.traceId}-${span.spanId}-${span.sampled ? '01' : '00'}`)
  // Section 3.3.1.1: an empty tracestate should not be sent, and one without its traceparent belongs to no trace.
  if (span.traceState === '') headers.remove('tracestate')
  else headers.put('tracestate', span.traceState)
}
