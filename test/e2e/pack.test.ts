import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { guest } from '../../src/wasm/testing/wat-guest.ts'
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
    assert.deepEqual(await useWasmHost(dir), { demo: 'shown', trapped: 'trap', paused: 'stopped' })
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

/** The example of docs/reference/wasm-host.md as a program of somebody who has installed the package. */
async function useWasmHost(dir: string): Promise<unknown> {
  const docs = readFileSync(join(root, 'docs/reference/wasm-host.md'), 'utf8')
  const example = /^```ts\n(import .* from 'sluice\/wasm'\n[\s\S]*?)^```$/m.exec(docs)?.[1] ?? ''
  const code = `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (if (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-trap") $slot0 $slot1)) (then unreachable))
      (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-wait") $slot0 $slot1)))
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
      (drop (call $proxy_add_header_map_value (i32.const 2) (s "x-demo") (s "shown"))) (i32.const 0))`
  writeFileSync(join(dir, 'filter.wasm'), guest(code))
  writeFileSync(
    join(dir, 'use.mjs'),
    `import { readFileSync } from 'node:fs'
${example}
const demo = stream.responseHeaders?.get('x-demo')
const paused = host.stream(plugin).request([['x-wait', '1']])
host.stream(plugin).request([['x-trap', '1']])
if (host.trace.length === 0) throw new Error('nothing was traced')
console.log(JSON.stringify({ demo, trapped: plugin.failure?.cause, paused }))
`,
  )
  return JSON.parse((await run(process.execPath, ['use.mjs'], { cwd: dir })).stdout)
}
