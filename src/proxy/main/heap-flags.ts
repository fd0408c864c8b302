/** Flags of V8 that hold for all threads from when they are set. RATIONALE.md has what they give. */
import v8 from 'node:v8'

/** How the process of a proxy is started (bin/sluice.mjs): the main thread has no use for a large young generation. */
export const MAIN_THREAD = '--max-semi-space-size=2'

/** For threads that start afterwards, unless somebody has chosen another size for the process. */
export function enlargeYoungGeneration(): void {
  if (process.execArgv.includes(MAIN_THREAD)) v8.setFlagsFromString('--max-semi-space-size=8')
}

/**
 * Heaps grow threefold between full collections. To be called when the threads have started: V8 takes no compiled code, Node's own
 * included, from where this flag was another.
 */
export function growThreefold(): void {
  v8.setFlagsFromString('--heap-growing-percent=200')
}
