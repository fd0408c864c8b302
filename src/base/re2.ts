import { createRequire } from 'node:module'
import type { RE2JS } from 're2js'

let loaded: typeof RE2JS | undefined

/** RE2 in JavaScript, loaded with the first expression: it takes 2 MB of each thread. Throws where the pattern is no RE2 expression. */
export function compileRe2(pattern: string): RE2JS {
  loaded ??= (createRequire(import.meta.url)('re2js') as { RE2JS: typeof RE2JS }).RE2JS
  return loaded.compile(pattern)
}
