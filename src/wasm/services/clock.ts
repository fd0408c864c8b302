import { performance } from 'node:perf_hooks'
import type { Clock, Timers } from '../host.ts'

const ORIGIN = performance.timeOrigin

/** The clock of the machine. */
export const systemClock: Clock = {
  wallMs: () => ORIGIN + performance.now(),
  monotonicMs: () => performance.now(),
}

/** Timers that do not keep the process alive. */
export const systemTimers: Timers = {
  after: (ms, callback) => {
    const timer = setTimeout(callback, Math.min(ms, 0x7fffffff))
    timer.unref()
    return () => clearTimeout(timer)
  },
}
