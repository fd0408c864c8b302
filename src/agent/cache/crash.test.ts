/** `kill -9` at any moment of a pull leaves no half file that is ever used. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { sha256Hex } from '../../oci/index.ts'
import { emptyModule, serve, temporaryFolder } from '../testing.ts'
import { ModuleCache } from './module-cache.ts'

const KILLS = 10

test(`${KILLS} kills during pulls`, async () => {
  const folder = temporaryFolder()
  // Each request has content of its own, so that every pull writes a file; large enough to be caught half way.
  let n = 0
  let onRequest = () => {}
  const filler = Buffer.alloc(3 << 20, 'x')
  const server = await serve((_, response) => {
    onRequest()
    const body = Buffer.concat([emptyModule(String(n++)), Buffer.from([0, 0xff, 0xff, 0x3f, 1, 0x78]), filler])
    response.end(n % 2 === 0 ? body : gzipSync(body, { level: 1 }))
  })
  const dir = join(folder.path, 'cache')
  const program = fileURLToPath(new URL('./crash-puller.ts', import.meta.url))
  for (let i = 0; i < KILLS; i++) {
    const asked = new Promise<void>((resolve) => {
      onRequest = resolve
    })
    const child = spawn(process.execPath, [program, dir, `${server.url}/m`], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    // From the moment of the request on: on the way, being unpacked, being stored, or in the next pull already.
    await asked
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 60))
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('exit', resolve))
    for (const file of readdirSync(join(dir, 'modules'))) {
      assert.equal(`${sha256Hex(readFileSync(join(dir, 'modules', file)))}.wasm`, file, 'a module file is whole')
    }
  }
  const cache = await new ModuleCache({ dir }).open()
  assert.deepEqual(readdirSync(join(dir, 'tmp')), [], 'what the killed left is cleared at the start')
  const known = await cache.get({ url: `${server.url}/m`, resourceName: 'crash' })
  assert.equal(sha256Hex(readFileSync(known.path)), known.sha256)
  known.release()
  await server.close()
  cache.close()
  folder.remove()
})
