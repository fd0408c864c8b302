import { createRequire } from 'node:module'

/**
 * Loads a file of ours when it is first needed, for callers that cannot wait for an `import`. `from` is the caller's
 * `import.meta.url`, `path` as in an import: the compiled package holds JavaScript where the source tree has TypeScript.
 */
export function requireFile(from: string, path: string): unknown {
  return createRequire(from)(from.endsWith('.ts') ? path : path.replace(/\.ts$/, '.js'))
}
