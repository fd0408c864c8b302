import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { BASIC_AUTH } from './basic-auth.ts'
import { eventually, Instance } from './instance.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))

test('the packed package, installed into an empty folder, does the main job', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-pack-'))
  try {
    await run('npm', ['pack', '--pack-destination', dir], { cwd: root, maxBuffer: 16 << 20 })
    const [tarball] = readdirSync(dir).filter((name) => name.endsWith('.tgz'))
    await run('npm', ['init', '-y'], { cwd: dir })
    await run('npm', ['install', '--prefer-offline', '--no-fund', '--no-audit', `./${tarball}`], { cwd: dir })
    await using instance = await Instance.start({ launcher: join(dir, 'node_modules/.bin/sluice'), cwd: dir })
    assert.equal(await instance.status('/productpage'), 200)
    const applied = await instance.shell(`npx sluice apply -f - <<'EOF'\n${BASIC_AUTH}EOF`, dir)
    assert.equal(applied.stdout, 'trafficextension.extensions.istio.io/basic-auth created\n', applied.stderr)
    await eventually('401 without credentials', async () =>
      (await instance.status('/productpage')) === 401 ? 401 : undefined,
    )
    const headers = { authorization: 'Basic YWRtaW4zOmFkbWluMw==' }
    assert.equal(await instance.status('/productpage', headers), 200)
    assert.equal(await instance.stop(), 0)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
