import { availableParallelism } from 'node:os'

/**
 * How many threads V8 has for compiling and collecting. Node starts four whatever the machine has, and on two cores these take both from
 * the data threads while a module is compiled (bench/compile-stall.ts). Half of the cores, and no more than Node's four.
 */
export const V8_POOL = `--v8-pool-size=${Math.min(4, Math.max(1, availableParallelism() >> 1))}`
