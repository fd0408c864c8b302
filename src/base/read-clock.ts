/**
 * The time for what happens to requests. A request asks for it more than a dozen times (its times for the log, idle times, timeouts), and
 * looking at the clock takes as long as reading a header. So while a read is handled it is looked at once, and again when an extension
 * has run, which may take long. Outside of a read each call looks.
 */
import { performance } from 'node:perf_hooks'

let reading = false
/** 0: not looked yet. A variable would be a heap number for each read. */
const seen = new Float64Array(1)

/** Milliseconds, as `performance.now()` counts them. */
export function nowMs(): number {
  if (!reading) return performance.now()
  if (seen[0] === 0) seen[0] = performance.now()
  return seen[0]
}

/** A read is handled from now on: until `endReading` the clock stands still, but for `timeHasPassed`. */
export function beginReading(): void {
  reading = true
  seen[0] = 0
}

/** Tells what happens inside of a read from what begins by itself (the reads of internal listeners are part of others). */
export function isReading(): boolean {
  return reading
}

/** Something has run that may have taken long. */
export function timeHasPassed(): void {
  seen[0] = 0
}

/** The read is handled. Without this call the clock would stand still until the next one. */
export function endReading(): void {
  reading = false
}
