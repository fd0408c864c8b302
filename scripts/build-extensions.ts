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

const extensions = readdirSync(join(root, 'extensions'))
  .map((name) => ({ name, entry: join(root, 'extensions', name, 'assembly/index.ts') }))
  .filter(({ entry }) => existsSync(entry))

// Each is compiled in a thread of its own.
const built = extensions.map(async ({ name, entry }) => {
  const wasm = await buildExtension(entry, { cacheDir: join(root, 'gen/extensions') })
  if (target === undefined) return
  mkdirSync(target, { recursive: true })
  writeFileSync(join(target, `${name}.wasm`), wasm)
})
await Promise.all(built)
