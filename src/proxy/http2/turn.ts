/**
 * What HTTP/2 connections have to write goes out when the event loop has handled all sockets that were ready: answers of many
 * upstream connections, and requests of many clients, share a connection, and so a system call.
 */
import type { Batched } from '../http1/batch.ts'

let waiting: Batched[] = []

/** Calls `flush` at the end of the turn; once per call of this. */
export function flushAtEndOfTurn(output: Batched): void {
  if (waiting.push(output) === 1) setImmediate(endTurn)
}

/** Writes what waits; also what a test calls that does not wait. */
export function endTurn(): void {
  const all = waiting
  waiting = []
  for (let i = 0; i < all.length; i++) all[i].flush()
}
