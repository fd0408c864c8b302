/**
 * Builds the AssemblyScript extensions at install, because the compiler needs seconds and the first `npm start` should not. Given a
 * folder, it writes them there under their names (for packing).
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildExtension } from '../sdk/assemblyscript/build.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const target = process.argv[2]

for (const name of readdirSync(join(root, 'extensions'))) {
  const entry = join(root, 'extensions', name, 'assembly/index.ts')
  if (!existsSync(entry)) continue
  const wasm = await buildExtension(entry, { cacheDir: join(root, 'gen/extensions') })
  if (target === undefined) continue
  mkdirSync(target, { recursive: true })
  writeFileSync(join(target, `${name}.wasm`), wasm)
}
