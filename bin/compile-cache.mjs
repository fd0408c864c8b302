import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where Node keeps compiled code between runs, for all processes and threads of Sluice: it halves what a start costs. */
export const COMPILE_CACHE = process.env['NODE_COMPILE_CACHE'] ?? join(homedir(), '.cache/sluice/compile')
