/** B3 propagation (https://github.com/openzipkin/b3-propagation), in several headers or in one. */
import type { HeaderMap } from '../../base/header-map.ts'
import type { Span } from './span.ts'

/** What the headers tell; each part may be missing. */
export interface B3 {
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string
  /** `undefined`: it is for the receiver to decide. */
  readonly sampled: boolean | undefined
}

const TRACE_ID = /^(?:[0-9a-f]{16}){1,2}$/i
const SPAN_ID = /^[0-9a-f]{16}$/i
const SINGLE = /^((?:[0-9a-f]{16}){1,2})-([0-9a-f]{16})(?:-([01d])(?:-([0-9a-f]{16}))?)?$/i

/** `broken`: there are headers of B3 that cannot be read. */
export function extractB3(headers: HeaderMap): B3 | 'broken' {
  const single = headers.get('b3')
  return single === undefined ? several(headers) : one(single)
}

function one(header: string): B3 | 'broken' {
  if (/^[01d]$/.test(header)) return { traceId: '', spanId: '', parentId: '', sampled: header !== '0' }
  const match = SINGLE.exec(header)
  if (match === null) return 'broken'
  const [, traceId, spanId, sampled, parentId = ''] = match
  return { traceId, spanId, parentId, sampled: sampled === undefined ? undefined : sampled !== '0' }
}

function several(headers: HeaderMap): B3 | 'broken' {
  const told = headers.get('x-b3-sampled')
  const sampled = told === undefined ? undefined : told === '1' || told === 'true'
  const debug = headers.get('x-b3-flags') === '1'
  const traceId = headers.get('x-b3-traceid') ?? ''
  const spanId = headers.get('x-b3-spanid') ?? ''
  const parentId = headers.get('x-b3-parentspanid') ?? ''
  const context = { traceId, spanId, parentId, sampled: debug ? true : sampled }
  if (traceId === '' || spanId === '') return { ...context, traceId: '', spanId: '', parentId: '' }
  const readable = TRACE_ID.test(traceId) && SPAN_ID.test(spanId) && (parentId === '' || SPAN_ID.test(parentId))
  return readable ? context : 'broken'
}

/** In the form in which the trace came; several headers where it begins here. */
export function injectB3(span: Span, headers: HeaderMap): void {
  const sampled = span.sampled ? '1' : '0'
  if (headers.has('b3')) {
    const parent = span.parentId === '' ? '' : `-${span.parentId}`
    headers.put('b3', `${span.traceId}-${span.spanId}-${sampled}${parent}`)
    return
  }
  headers.put('x-b3-traceid', span.traceId)
  headers.put('x-b3-spanid', span.spanId)
  if (span.parentId === '') headers.remove('x-b3-parentspanid')
  else headers.put('x-b3-parentspanid', span.parentId)
  headers.put('x-b3-sampled', sampled)
}
