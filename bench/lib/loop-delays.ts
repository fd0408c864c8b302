/** How long a thread's event loop stood still, and whether the thread itself ran meanwhile or waited for a core. */
import { readFileSync } from 'node:fs'

/** One delay of the event loop, in milliseconds. */
export interface Delay {
  readonly wall: number
  /** The thread itself ran. */
  readonly ran: number
  /** Ready to run, but other threads of the machine had the cores. */
  readonly waited: number
}

export interface Delays {
  /** By the clock. */
  readonly longest: Delay
  /** By the time that the thread ran. */
  readonly own: Delay
}

const NONE: Delay = { wall: 0, ran: 0, waited: 0 }

/** Milliseconds that this thread has run and has waited for a core (sched-stats: sum_exec_runtime and run_delay). */
function scheduled(): [ran: number, waited: number] {
  const [ran, waited] = readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')
  return [Number(ran) / 1e6, Number(waited) / 1e6]
}

/** Watches this thread; what it returns tells the longest delays since it was last called. */
export function watchDelays(): () => Delays {
  let longest = NONE
  let own = NONE
  let last = performance.now()
  let before = scheduled()
  setInterval(() => {
    const now = performance.now()
    const [ran, waited] = scheduled()
    // The timer's own millisecond is no delay.
    const delay = { wall: Math.max(0, now - last - 1), ran: ran - before[0], waited: waited - before[1] }
    if (delay.wall > longest.wall) longest = delay
    if (delay.ran > own.ran) own = delay
    last = performance.now()
    before = [ran, waited]
  }, 1).unref()
  return () => {
    const told = { longest, own }
    longest = NONE
    own = NONE
    return told
  }
}
