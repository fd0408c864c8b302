/**
 * Fills Node's compile cache at install: without types stripped and code compiled, the first `npm start` would take half as long again.
 * What starts as a thread is loaded here by what it imports.
 */
import module from 'node:module'
import { COMPILE_CACHE } from '../bin/compile-cache.mjs'

const PROGRAMS = [
  'src/cli/commands/up.ts',
  'src/cli/commands/agent.ts',
  'src/standalone/up.ts',
  'src/proxy/worker/data-plane.ts',
  'src/pods/outbound/forward.ts',
  'samples/bookinfo/details.ts',
  'samples/bookinfo/productpage.ts',
  'samples/bookinfo/ratings.ts',
  'samples/bookinfo/reviews.ts',
]

module.enableCompileCache(COMPILE_CACHE)
for (const program of PROGRAMS) await import(`../${program}`)
