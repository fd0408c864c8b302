/**
 * What connections have to write goes out when the event loop has handled the sockets that were ready, not message by message. Frames of
 * many streams of HTTP/2 share a system call so. And a peer on another core that waits for a message is woken once for many: it still runs
 * when the next ones come, and to wake a core is the dearest part of a write (see RATIONALE.md).
 */

import { beginReading, endReading, isReading } from '../../base/read-clock.ts'

/** A connection's output. */
export interface Flushable {
  flush(): void
}

/** The first to have something to write waits for so many reads, at most: a turn can be a thousand long, and each may run extensions. */
const MOST = 32

/** Two that take turns: an array for each turn might be made in the old generation, with all that it leads to. */
let waiting: (Flushable | undefined)[] = []
let flushing: (Flushable | undefined)[] = []
let count = 0
let writing = false
let reads = 0

/** Calls `flush` at the end of the turn; once per call of this. */
export function flushAtEndOfTurn(output: Flushable): void {
  if (count === 0) setImmediate(endTurn)
  waiting[count++] = output
}

/** Around the handling of what was read, by the codecs. */
export function beginRead(): void {
  beginReading()
}

/** Outside of all handling of streams. */
export function endRead(): void {
  endReading()
  countRead()
}

/** After a read of bytes that are no messages (TCP): what waits must not wait for all of those either. */
export function countRead(): void {
  // Of an internal listener's: the read, or the end of a turn, that it is part of counts.
  if (isReading() || writing) return
  if (count > 0 && ++reads >= MOST) endTurn()
}

/** Writes what waits; also what a test calls that does not wait. */
export function endTurn(): void {
  reads = 0
  const all = waiting
  const end = count
  waiting = flushing
  flushing = all
  count = 0
  writing = true
  let next = 0
  try {
    while (next < end) {
      const output = all[next] as Flushable
      all[next++] = undefined
      output.flush()
    }
  } finally {
    writing = false
    // One that throws ends the thread, but not before the others' answers are out.
    if (next < end) {
      waiting = all.splice(next, end - next).concat(waiting)
      count += end - next
      endTurn()
    }
  }
}
