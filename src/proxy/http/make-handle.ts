import { TracedHandle } from '../tracing/traced-handle.ts'
import type { HttpFilterConfig } from './filter.ts'
import { FilterHandle } from './filter-handle.ts'
import type { FilterSlot } from './filter-slot.ts'
import type { HttpStream } from './stream.ts'

/** A stream's place in a filter, with the filter in it; `undefined` when this stream needs none. */
export function makeHandle(stream: HttpStream, slot: FilterSlot, config: HttpFilterConfig): FilterHandle | undefined {
  const { trace } = stream
  const index = stream.filters.length
  if (trace?.extensionSpans === true && config.extension === true) {
    const traced = new TracedHandle(stream, index, slot)
    const filter = config.createFilter(traced)
    if (filter === undefined) return undefined
    traced.filter = traced.watch(filter, trace)
    return traced
  }
  const handle = new FilterHandle(stream, index, slot)
  const filter = config.createFilter(handle)
  if (filter === undefined) return undefined
  handle.filter = filter
  return handle
}
