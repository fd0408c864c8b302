import type { HeaderMap } from '../../base/header-map.ts'

const IDS = /^([0-9a-f]{16,32}-[0-9a-f]{16})(-[01d])?/i

/** Changes the decision that trace headers carry; where there are none, there is none to change. */
export function markSampled(headers: HeaderMap, sampled: boolean): void {
  const digit = sampled ? '1' : '0'
  const parent = headers.get('traceparent')
  if (parent !== undefined) headers.put('traceparent', parent.replace(/-[0-9a-f]{2}$/i, `-0${digit}`))
  if (headers.has('x-b3-traceid')) headers.put('x-b3-sampled', digit)
  const single = headers.get('b3')
  if (single !== undefined) headers.put('b3', single.replace(IDS, `$1-${digit}`))
}
