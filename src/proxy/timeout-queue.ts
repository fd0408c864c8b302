import { nowMs } from '../base/read-clock.ts'

/** Who has timeouts, and tells them apart by `kind`. */
export interface TimeoutOwner {
  onTimeout(kind: number): void
}

/** Node runs a timer that is to wait longer than this (24 days) at once. */
export const LONGEST_TIMER = 0x7fffffff

/** So many durations may keep their timer while nobody waits: those of the configuration do, those that requests name go. */
const MAX_EMPTY = 256

/**
 * Timeouts for streams and connections. A `setTimeout` per request would be a list node, a closure and two heap objects; here an
 * owner embeds its node, and all nodes of one duration wait in a line, where arming and cancelling are a few pointer writes.
 */
export class Timeout {
  readonly owner: TimeoutOwner
  readonly kind: number
  queue: TimeoutQueue | undefined
  previous: Timeout | undefined
  next: Timeout | undefined
  deadline = 0

  constructor(owner: TimeoutOwner, kind: number) {
    this.owner = owner
    this.kind = kind
  }

  /** (Re)starts the time; 0 stands for no timeout. */
  arm(ms: number): void {
    this.cancel()
    if (ms > 0) queueFor(ms).add(this)
  }

  /** As long again, where it is running. */
  restart(): void {
    if (this.queue !== undefined) this.arm(this.queue.ms)
  }

  cancel(): void {
    this.queue?.remove(this)
  }

  get armed(): boolean {
    return this.queue !== undefined
  }
}

class TimeoutQueue {
  readonly ms: number
  #first: Timeout | undefined
  #last: Timeout | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number) {
    this.ms = ms
  }

  add(timeout: Timeout): void {
    timeout.queue = this
    timeout.deadline = nowMs() + this.ms
    timeout.previous = this.#last
    if (this.#last === undefined) this.#first = timeout
    else this.#last.next = timeout
    this.#last = timeout
    // The timer is left running when the line empties: under load it fills again at once.
    if (this.#timer === undefined) this.#wait(this.ms)
  }

  remove(timeout: Timeout): void {
    const { previous, next } = timeout
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    timeout.previous = undefined
    timeout.next = undefined
    timeout.queue = undefined
    if (this.#first === undefined && queues.size > MAX_EMPTY && this.#timer !== undefined) {
      clearTimeout(this.#timer)
      queues.delete(this.ms)
    }
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(TimeoutQueue.#fire, Math.min(LONGEST_TIMER, Math.max(1, Math.ceil(ms))), this).unref()
  }

  static #fire(queue: TimeoutQueue): void {
    queue.#timer = undefined
    const now = nowMs()
    let first = queue.#first
    while (first !== undefined && first.deadline <= now) {
      queue.remove(first)
      first.owner.onTimeout(first.kind)
      first = queue.#first
    }
    if (queue.#timer !== undefined) return
    if (first !== undefined) queue.#wait(first.deadline - now)
    // Requests may name durations, so that there is no end of them.
    else queues.delete(queue.ms)
  }
}

const queues = new Map<number, TimeoutQueue>()

/** How many durations are being waited for. */
export function waitingDurations(): number {
  return queues.size
}

function queueFor(ms: number): TimeoutQueue {
  let queue = queues.get(ms)
  if (queue === undefined) {
    queue = new TimeoutQueue(ms)
    queues.set(ms, queue)
  }
  return queue
}
