import type { EventEmitter } from 'node:events'

/** Beyond what anything takes that comes at all, on a busy machine. */
const LIMIT_MS = 30_000
const LOG_END = 2_000

/** What `promise` gives. When that takes too long, a failure that says what was waited for, and how the peer's log ends. */
export async function within<T>(what: string, promise: Promise<T>, log = () => '', ms = LIMIT_MS): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(told(`waited ${ms} ms for ${what}`, log()))), ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** A failure with the end of a peer's log. */
export function told(what: string, log: string): string {
  return log === '' ? what : `${what}; the peer says:\n${log.slice(-LOG_END)}`
}

/** However it ends. `once` would fail for an error before. */
export function closed(one: EventEmitter): Promise<void> {
  return new Promise((resolve) => one.once('close', () => resolve()))
}
