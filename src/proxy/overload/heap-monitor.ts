import { logger } from '../../telemetry/log.ts'
import type { HeapLimit } from './overload-config.ts'
import type { OverloadState } from './overload-state.ts'

const log = logger('proxy')

/** Looks at the memory of the process again and again; returns what stops that. */
export function watchHeap(limit: HeapLimit, state: OverloadState, used = () => process.memoryUsage.rss()): () => void {
  let before = ''
  const look = () => {
    const pressure = used() / limit.maxBytes
    const over = (threshold: number | undefined) => threshold !== undefined && pressure >= threshold
    const [stopRequests, rejectConnections] = [over(limit.stopRequests), over(limit.rejectConnections)]
    state.set(stopRequests, rejectConnections)
    const now = `${stopRequests} ${rejectConnections}`
    if (now !== before && (before !== '' || stopRequests || rejectConnections))
      log.warn({ pressure: Math.round(pressure * 100) / 100, stopRequests, rejectConnections }, 'overload by memory')
    before = now
  }
  look()
  const timer = setInterval(look, limit.refreshMs).unref()
  return () => clearInterval(timer)
}
