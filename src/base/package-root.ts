import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const inSource = new URL('../../', import.meta.url)

/**
 * The folder of Sluice's package.json. It is two up from here in a checkout and three up in what `npm pack` ships, where the
 * TypeScript has been compiled to `dist/` because Node strips no types below node_modules.
 */
const root = existsSync(new URL('package.json', inSource)) ? inSource : new URL('../../../', import.meta.url)

/** Whether this runs from the sources. */
export const fromSource = root === inSource

/** A data file of the package, by its path from the root: `deploy/crds`. */
export function packagePath(path: string): string {
  return fileURLToPath(new URL(path, root))
}

/** A program of the package, by its source path without the ending: `samples/bookinfo/productpage`. */
export function programPath(path: string): string {
  return packagePath(fromSource ? `${path}.ts` : `dist/${path}.js`)
}
