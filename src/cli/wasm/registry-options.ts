import { parseMirrors } from '../../agent/index.ts'
import type { MirrorRule } from '../../oci/index.ts'
import { openHome } from '../../standalone/home.ts'
import { standaloneMirrors } from '../../standalone/mirrors.ts'
import { readRunning } from '../../standalone/running.ts'

/**
 * References mean the same on the command line as in an object: while an instance runs, its registry answers for the names that
 * it mirrors.
 */
export function runningMirrors(): readonly MirrorRule[] {
  const running = readRunning(openHome())
  return running === undefined ? [] : parseMirrors(standaloneMirrors(running.registry))
}
