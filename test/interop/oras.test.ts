/** The embedded registry and our client beside oras. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import {
  anonymous,
  DEFAULT_LIMITS,
  fetchModule,
  HttpTransport,
  parseReference,
  pushWasmImage,
  RegistryClient,
  type RegistryServer,
  resolveImage,
  startRegistry,
} from '../../src/oci/index.ts'
import { oras } from '../peers/index.ts'

const peer = await oras()
const WASM = Buffer.from('\0asm\x01\0\0\0', 'latin1')
const dir = mkdtempSync(join(tmpdir(), 'sluice-oras-'))
const transport = new HttpTransport()
let registry: RegistryServer

before(async () => {
  registry = await startRegistry({ dir: join(dir, 'registry'), port: 0 })
  writeFileSync(join(dir, 'plugin.wasm'), WASM)
  writeFileSync(join(dir, 'note.txt'), 'signed off')
})
after(async () => {
  transport.close()
  await registry.close()
  rmSync(dir, { recursive: true, force: true })
})

/** oras with a configuration of its own. */
async function run(...args: string[]): Promise<string> {
  const env = { ...process.env, DOCKER_CONFIG: dir }
  return (await promisify(execFile)(peer.path, args, { cwd: dir, env, timeout: 60_000 })).stdout
}

async function pull(ref: string): Promise<{ format: string; bytes: Buffer }> {
  const client = new RegistryClient(parseReference(ref), transport, { credentials: anonymous })
  const work = mkdtempSync(join(dir, 'work-'))
  const { format, path } = await fetchModule(client, await resolveImage(client), work, DEFAULT_LIMITS)
  return { format, bytes: readFileSync(path) }
}

test('oras pushes what our client pulls, as artifact and as a single layer', { skip: peer.skip }, async () => {
  for (const [name, layer, format] of [
    ['artifact', 'application/vnd.module.wasm.content.layer.v1+wasm', 'artifact'],
    ['single', 'application/wasm', 'cncf'],
  ]) {
    const ref = `${registry.address}/oras/${name}:v1`
    await run('push', '--plain-http', ref, `plugin.wasm:${layer}`)
    assert.deepEqual(await pull(ref), { format, bytes: WASM })
  }
})

test('oras pulls, tags, lists and deletes what our client pushed', { skip: peer.skip }, async () => {
  const repository = `${registry.address}/ours/module`
  const { digest } = await pushWasmImage({
    ref: `${repository}:v1`,
    wasm: WASM,
    format: 'artifact',
    credentials: anonymous,
  })
  assert.equal((await run('resolve', '--plain-http', `${repository}:v1`)).trim(), digest)
  const out = join(dir, 'pulled')
  await run('blob', 'fetch', '--plain-http', '--output', out, `${repository}@${await layerOf(repository)}`)
  assert.deepEqual(readFileSync(out), WASM)
  await run('tag', '--plain-http', `${repository}:v1`, 'v2')
  assert.deepEqual((await run('repo', 'tags', '--plain-http', repository)).trim().split('\n'), ['v1', 'v2'])
  await run('manifest', 'delete', '--plain-http', '--force', `${repository}@${digest}`)
  await assert.rejects(pull(`${repository}:v1`), { code: 'SL3006' })
})

async function layerOf(repository: string): Promise<string> {
  const manifest = JSON.parse(await run('manifest', 'fetch', '--plain-http', `${repository}:v1`))
  return manifest.layers.at(-1).digest
}

test('oras attaches to an image and discovers it among the referrers', { skip: peer.skip }, async () => {
  const ref = `${registry.address}/ours/attached:v1`
  await pushWasmImage({ ref, wasm: WASM, credentials: anonymous })
  await run('attach', '--plain-http', '--artifact-type', 'application/vnd.example.note', ref, 'note.txt:text/plain')
  const found = JSON.parse(await run('discover', '--plain-http', '--format', 'json', ref))
  assert.deepEqual(
    found.manifests.map(({ artifactType }: { artifactType: string }) => artifactType),
    ['application/vnd.example.note'],
  )
})
