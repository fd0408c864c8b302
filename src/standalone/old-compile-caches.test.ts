import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { removeOldCompileCaches } from './old-compile-caches.ts'

for (const [where, left] of [
  ['.cache/sluice/compile', [`${process.version}-x64-a-0`, 'other', 'v22.1.0-x64-new-0']],
  ['.cache/others', [`${process.version}-x64-a-0`, 'other', 'v22.1.0-x64-new-0', 'v22.1.0-x64-old-0']],
] as const) {
  test(`what is left of ${where}`, async () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-caches-'))
    const cache = join(dir, where)
    try {
      await removeOldCompileCaches(cache)
      for (const name of [`${process.version}-x64-a-0`, 'other', 'v22.1.0-x64-new-0', 'v22.1.0-x64-old-0']) {
        mkdirSync(join(cache, name), { recursive: true })
        writeFileSync(join(cache, name, 'code'), 'x')
        if (!name.includes('new')) utimesSync(join(cache, name), 0, 0)
      }
      await removeOldCompileCaches(cache)
      assert.deepEqual(readdirSync(cache).sort(), [...left].sort())
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
}
