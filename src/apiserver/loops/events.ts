import { lastSeen } from '../kinds/event.ts'
import type { Store } from '../store/store.ts'

/** The API server's --event-ttl. */
const LIFETIME = 3600_000

/** Events are a log: they go after an hour. */
export function expireEvents(store: Store, now = Date.now()): void {
  for (const entry of store.table('events').sorted) {
    const last = Date.parse(String(lastSeen(entry.object) ?? ''))
    if (Number.isNaN(last) || now - last > LIFETIME) store.remove(entry)
  }
}
