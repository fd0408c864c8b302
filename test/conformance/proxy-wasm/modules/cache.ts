import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CACHE } from '../../../peers/index.ts'
import { locked } from '../../../peers/lock.ts'

/** Files of a folder (all below it) as pairs of name and content: what a module is built from. */
export function sourcesIn(dir: string): [string, Buffer][] {
  return globSync('**/*', { cwd: dir })
    .filter((file) => statSync(join(dir, file)).isFile())
    .sort()
    .map((file) => [file, readFileSync(join(dir, file))])
}

/**
 * A built module's path; it is built when no module with the same name, sources and `recipe` (versions of tools, flags) has been.
 */
export async function built(
  name: string,
  recipe: string,
  sources: readonly (readonly [string, string | Buffer])[],
  build: () => Promise<Uint8Array>,
): Promise<string> {
  const hash = createHash('sha256').update(recipe)
  for (const [file, content] of sources) hash.update(`\0${file}\0${content.length}\0`).update(content)
  const path = join(CACHE, 'modules', `${name}-${hash.digest('hex').slice(0, 16)}.wasm`)
  if (existsSync(path)) return path
  return locked(path, async () => {
    if (existsSync(path)) return path
    const bytes = await build()
    mkdirSync(join(CACHE, 'modules'), { recursive: true })
    writeFileSync(`${path}.part`, bytes)
    renameSync(`${path}.part`, path)
    return path
  })
}
