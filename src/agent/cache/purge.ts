import type { IndexFiles } from './index-files.ts'
import type { ModuleFiles } from './module-files.ts'

/** When modules that nobody holds are removed. */
export interface PurgeRules {
  readonly expiryMs: number
  readonly maxBytes: number
  /** Modules used within this time are spared: a lease of another process shows only by its renewals. */
  readonly graceMs: number
}

/** Removes modules that were not used for long, then the longest unused ones until the rest fits. Returns how many went. */
export async function purge(
  files: ModuleFiles,
  index: IndexFiles,
  rules: PurgeRules,
  now = Date.now(),
): Promise<number> {
  const { total, idle } = await files.unleased()
  const gone = new Set<string>()
  let left = total
  for (const { sha256, size, usedAt } of idle) {
    const unused = now - usedAt
    const expired = unused > rules.expiryMs
    const tooMuch = left > rules.maxBytes && unused > rules.graceMs
    if (!expired && !tooMuch) continue
    if (!(await files.remove(sha256, usedAt))) continue
    left -= size
    gone.add(sha256)
  }
  if (gone.size > 0) await index.forget(gone)
  return gone.size
}
