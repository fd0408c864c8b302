import { mkdirSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where Node keeps compiled code between runs, for all processes and threads of Sluice: it halves what a start costs. */
export const COMPILE_CACHE = process.env['NODE_COMPILE_CACHE'] || own()

/** Whom the machine does not know, as in a container that is run for a number, may have no home, and others one that they cannot write to. */
function own() {
  try {
    const home = homedir()
    if (home) return below(home)
  } catch {}
  return join(tmpdir(), '.cache/sluice/compile')
}

/** Made here, one by one: Node would try for ever to make it below /proc. */
function below(home) {
  let folder = home
  for (const name of ['.cache', 'sluice', 'compile']) {
    folder = join(folder, name)
    try {
      mkdirSync(folder)
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
  }
  return folder
}
