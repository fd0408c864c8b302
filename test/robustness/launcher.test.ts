import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const LAUNCHER = fileURLToPath(new URL('../../bin/sluice.mjs', import.meta.url))
/** As root one can be a user whom the machine does not know. */
const NOBODY = process.getuid?.() === 0 ? { uid: 54_321 } : {}

for (const [home, env, user] of [
  ['no home', {}, NOBODY],
  ['a home without a name', { HOME: '' }, {}],
  ['a cache without a name', { NODE_COMPILE_CACHE: '' }, {}],
] as const) {
  test(`starts with ${home}, and leaves nothing where it was started`, () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-launcher-'))
    const cwd = join(dir, 'here')
    mkdirSync(cwd)
    chmodSync(dir, 0o777)
    try {
      const { HOME, NODE_COMPILE_CACHE, ...rest } = process.env
      const options = { cwd, env: { ...rest, TMPDIR: dir, ...env }, encoding: 'utf8', ...user } as const
      const { status, stdout, stderr } = spawnSync(process.execPath, [LAUNCHER, 'version'], options)
      assert.equal(status, 0, stderr)
      assert.match(stdout, /^sluice /)
      assert.deepEqual(readdirSync(cwd), [])
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
}

for (const [what, env, user] of [
  ['no home', {}, NOBODY],
  ['a home without a name', { HOME: '' }, {}],
  // Below /proc there is nothing to be made, and Node's way to make folders does not end.
  ['a home below /proc', { HOME: '/proc/nowhere' }, {}],
  ['/proc as its home', { HOME: '/proc' }, {}],
] as const) {
  for (const [command, code] of [
    ['env', 'SL6009'],
    ['get', 'SL6003'],
  ] as const) {
    test(`\`sluice ${command}\` with ${what} says what to do`, () => {
      const dir = mkdtempSync(join(tmpdir(), 'sluice-launcher-'))
      chmodSync(dir, 0o777)
      try {
        const { HOME, NODE_COMPILE_CACHE, SLUICE_HOME, KUBECONFIG, ...rest } = process.env
        const options = { cwd: dir, env: { ...rest, TMPDIR: dir, ...env }, encoding: 'utf8', ...user } as const
        const args = [LAUNCHER, command, ...(command === 'get' ? ['pods'] : [])]
        const { status, stderr } = spawnSync(process.execPath, args, { ...options, timeout: 60_000 })
        assert.equal(status, 1, stderr)
        assert.match(stderr, new RegExp(`^${code}: .*\n.*hint: .*HOME|^${code}: .*\n.*hint: .*KUBECONFIG`))
      } finally {
        rmSync(dir, { recursive: true })
      }
    })
  }
}
