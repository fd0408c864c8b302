import type { Store } from '../store/store.ts'

/** The API server's --event-ttl. */
const LIFETIME = 3600_000

/** Events are a log: they go after an hour. */
export function expireEvents(store: Store, now = Date.now()): void {
  for (const entry of store.table('events').sorted) {
    const { metadata, lastTimestamp, eventTime } = entry.object
    const last = Date.parse(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '')
    if (Number.isNaN(last) || now - last > LIFETIME) store.remove(entry)
  }
}
