import type { FilterSlot, LiveConfig } from '../filter-chain/slot.ts'
import { TracedHandle } from '../tracing/traced-handle.ts'
import type { HttpFilterConfig } from './filter.ts'
import { FilterHandle } from './filter-handle.ts'
import type { HttpStream } from './stream.ts'
import { ResponseFlag } from './stream-info.ts'

/** Gives a stream its filters; false where one of them has no config, for which the stream is answered. */
export function createFilters(stream: HttpStream): boolean {
  const { manager } = stream
  const route = manager.hasRouteDisables ? stream.route() : undefined
  for (const slot of manager.slotsFor(stream)) {
    const disabled = route?.filterDisabled(slot.name) ?? slot.disabled
    if (disabled) continue
    const live = slot.current
    if (live === undefined) {
      stream.info.responseFlags |= ResponseFlag.NoFilterConfigFound
      stream.sendLocalReply(500, '', { details: 'filter_config_not_found' })
      return false
    }
    const handle = makeHandle(stream, slot, live)
    if (handle === undefined) continue
    live.hold()
    stream.filters.push(handle)
  }
  return true
}

/** A stream's place in a filter, with the filter in it; `undefined` when this stream needs none. */
function makeHandle(
  stream: HttpStream,
  slot: FilterSlot<HttpFilterConfig>,
  live: LiveConfig<HttpFilterConfig>,
): FilterHandle | undefined {
  const { trace } = stream
  const { config } = live
  const index = stream.filters.length
  if (trace?.extensionSpans === true && config.extension === true) {
    const traced = new TracedHandle(stream, index, slot, live)
    const filter = config.createFilter(traced)
    if (filter === undefined) return undefined
    traced.filter = traced.watch(filter, trace)
    return traced
  }
  const handle = new FilterHandle(stream, index, slot, live)
  const filter = config.createFilter(handle)
  if (filter === undefined) return undefined
  handle.filter = filter
  return handle
}
