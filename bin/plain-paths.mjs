/**
 * A relative import in one of our files means the file that it names. Node looks whether it is there, for links on its way, and for the
 * package that it belongs to: a fifth of what loading a thousand modules takes (RATIONALE.md).
 */
import { registerHooks } from 'node:module'

const OURS = new URL('../', import.meta.url).href
const DEPENDENCIES = `${OURS}node_modules/`
const FORMATS = { ts: 'module-typescript', js: 'module' }

registerHooks({
  resolve(specifier, context, next) {
    const { parentURL = '' } = context
    const format = FORMATS[specifier.slice(-2)]
    const plain = specifier[0] === '.' && format && parentURL.startsWith(OURS) && !parentURL.startsWith(DEPENDENCIES)
    return plain ? { url: new URL(specifier, parentURL).href, format, shortCircuit: true } : next(specifier, context)
  },
})
