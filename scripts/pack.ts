/**
 * Runs before `npm pack`: compiles to `dist/`, because Node strips no types from files below node_modules, and puts the built
 * extensions there.
 */
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const run = (program: string, ...args: string[]) => execFileSync(program, args, { cwd: root, stdio: 'inherit' })

rmSync(join(root, 'dist'), { recursive: true, force: true })
run(process.execPath, 'scripts/gen.ts')
run(join(root, 'node_modules/.bin/tsc'), '-p', 'tsconfig.build.json')
run(process.execPath, 'scripts/build-extensions.ts', 'dist/extensions')
