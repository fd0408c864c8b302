import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from './sources.ts'

/** Tables in prose and manifests from elsewhere keep their own layout. */
const PROSE = ['--md-formatter-enabled=false', '--yaml-formatter-enabled=false']

const CHECKS: { name: string; program: string; args: string[] }[] = [
  { name: 'types', program: 'tsc', args: ['--noEmit', '--pretty', 'false'] },
  {
    name: 'style and lint',
    program: 'biome',
    args: ['check', '--error-on-warnings', '--max-diagnostics=50', ...PROSE, '.'],
  },
  { name: 'no dead files, exports or dependencies', program: 'knip', args: ['--no-progress'] },
]

for (const { name, program, args } of CHECKS) {
  test(`${name} (${program})`, () => {
    const path = join(ROOT, 'node_modules/.bin', program)
    const env = { ...process.env, PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH']}`, NO_COLOR: '1' }
    const { status, stdout, stderr } = spawnSync(path, args, { cwd: ROOT, encoding: 'utf8', env, maxBuffer: 64 << 20 })
    assert.equal(status, 0, `${program} ${args.join(' ')}\n${stdout}${stderr}`)
  })
}
