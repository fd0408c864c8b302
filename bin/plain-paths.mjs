/**
 * Imports in our files mean what they say: a relative one the file that it names, and a package the same file for all of them. Node looks
 * each time whether the file is there, for links on its way, and for the package that it belongs to: a third of what loading a thousand
 * modules takes (RATIONALE.md).
 */
import { registerHooks } from 'node:module'

const OURS = new URL('../', import.meta.url).href
const DEPENDENCIES = `${OURS}node_modules/`
const FORMATS = { '.ts': 'module-typescript', '.js': 'module' }
/** What is imported by name, with its file. */
const packages = new Map()

registerHooks({
  resolve(specifier, context, next) {
    const { parentURL = '', conditions } = context
    const ours = parentURL.startsWith(OURS) && !parentURL.startsWith(DEPENDENCIES)
    if (!ours || conditions.includes('require')) return next(specifier, context)
    if (specifier[0] === '.') {
      const format = FORMATS[specifier.slice(-3)]
      if (format === undefined) return next(specifier, context)
      return { url: new URL(specifier, parentURL).href, format, shortCircuit: true }
    }
    const known = packages.get(specifier)
    if (known !== undefined) return known
    const found = { ...next(specifier, context), shortCircuit: true }
    packages.set(specifier, found)
    return found
  },
})
