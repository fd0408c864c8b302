/**
 * One system call per message: what is written while a read is being handled goes out at the end of the handling. Outside of
 * that, at the end of the turn.
 */
export interface Batched {
  flush(): void
}

let depth = 0
let waiting: Batched[] = []

export function beginBatch(): void {
  depth++
}

export function endBatch(): void {
  if (--depth > 0 || waiting.length === 0) return
  const all = waiting
  waiting = []
  for (let i = 0; i < all.length; i++) all[i].flush()
}

/** Calls `flush` soon; once per call of this. */
export function flushSoon(output: Batched): void {
  if (depth > 0) waiting.push(output)
  else process.nextTick(flush, output)
}

function flush(output: Batched): void {
  output.flush()
}
