/** What a person at a terminal sees of a pull that takes its time, by way of a pseudo-terminal. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { packagePath } from '../../src/base/package-root.ts'
import { onPath } from '../peers/index.ts'
import { within } from '../within.ts'

const terminal = onPath('script')
const home = mkdtempSync(join(tmpdir(), 'sluice-progress-'))
const WASM = Buffer.concat([Buffer.from('\0asm\x01\0\0\0', 'latin1'), Buffer.alloc(3 << 20)])
const digest = `sha256:${createHash('sha256').update(WASM).digest('hex')}`
const mediaType = 'application/vnd.oci.image.manifest.v1+json'
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType,
  layers: [{ mediaType: 'application/wasm', digest, size: WASM.length }],
})

/** The second half of the blob is sent when this is called. */
let goOn = () => {}
const server = createServer((request, response) => {
  if (request.url!.includes('/manifests/')) {
    response.setHeader('content-type', mediaType)
    response.end(manifest)
    return
  }
  response.write(WASM.subarray(0, WASM.length / 2))
  goOn = () => response.end(WASM.subarray(WASM.length / 2))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const ref = `127.0.0.1:${(server.address() as AddressInfo).port}/slow/module:v1`
after(() => {
  server.close()
  rmSync(home, { recursive: true })
})

/** Runs `sluice wasm pull` in a pseudo-terminal; `onOutput` sees all that was shown so far. */
async function pull(options: string, onOutput: (shown: string) => void): Promise<string> {
  const file = join(home, 'plugin.wasm')
  const command = `${process.execPath} ${packagePath('bin/sluice.mjs')} wasm pull ${ref} -o ${file} ${options}`
  const env = { ...process.env, SLUICE_HOME: home, TERM: 'xterm' }
  const child = spawn(terminal.path, ['-qec', command, '/dev/null'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let shown = ''
  child.stdout.on('data', (chunk) => {
    shown += chunk
    onOutput(shown)
  })
  const closed = once(child, 'close') as Promise<[number | null]>
  const [code] = await within('the end of the pull', closed, () => shown)
  assert.equal(code, 0, shown)
  assert.ok(readFileSync(file).equals(WASM))
  return shown
}

test('a bar, which is gone at the end', { skip: terminal.skip }, async () => {
  const shown = await pull('', (text) => /download/.test(text) && goOn())
  assert.match(shown, /\rdownload [0-9a-f]{12} {2}\[=+> +\] {2}1\.5 MiB of 3\.0 MiB/)
  const rest = shown.slice(shown.lastIndexOf('\r\x1b[K') + 4)
  assert.match(rest, /^.*plugin\.wasm \(3145736 bytes\) from .*module:v1 sha256:[0-9a-f]{64}\r\n$/)
})

test('nothing but the result with --quiet', { skip: terminal.skip }, async () => {
  const half = setInterval(() => goOn(), 50)
  const shown = await pull('--quiet', () => {})
  clearInterval(half)
  assert.match(shown, /^\S*plugin\.wasm \(3145736 bytes\) from [^\r\n]*\r\n$/)
})
