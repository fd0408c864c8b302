/** The registry and its client beside ones that we did not write: Debian's docker-registry (distribution) and skopeo. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import {
  anonymous,
  DEFAULT_LIMITS,
  fetchModule,
  HttpTransport,
  type ImageFormat,
  keyOnly,
  parseReference,
  pushWasmImage,
  RegistryClient,
  resolveImage,
  signImage,
  startRegistry,
  verifyImage,
} from '../../src/oci/index.ts'
import { freePort } from '../free-ports.ts'
import { limitedFetch } from '../limited-fetch.ts'
import { dockerRegistry, skopeo } from '../peers/index.ts'
import { Program } from '../program.ts'

const distribution = await dockerRegistry()
const copier = await skopeo()
const run = promisify(execFile)
const dir = mkdtempSync(join(tmpdir(), 'sluice-registry-interop-'))
const transport = new HttpTransport()
const closers: (() => unknown)[] = [() => transport.close(), () => rmSync(dir, { recursive: true, force: true })]
after(async () => {
  for (const close of closers.reverse()) await close()
})

const WASM = Buffer.from('\0asm\x01\0\0\0', 'latin1')
const FORMATS: readonly ImageFormat[] = ['docker', 'oci', 'artifact', 'wasm-to-oci', 'cncf']

const client = (ref: string) => new RegistryClient(parseReference(ref), transport, { credentials: anonymous })

async function pull(ref: string): Promise<Buffer> {
  const from = client(ref)
  const { path } = await fetchModule(from, await resolveImage(from), mkdtempSync(join(dir, 'work-')), DEFAULT_LIMITS)
  return readFileSync(path)
}

async function startDistribution(): Promise<string> {
  const port = await freePort()
  const config = join(dir, 'registry.yml')
  const storage = { filesystem: { rootdirectory: join(dir, 'distribution') }, delete: { enabled: true } }
  // JSON is YAML.
  writeFileSync(
    config,
    JSON.stringify({ version: 0.1, storage, http: { addr: `127.0.0.1:${port}` }, log: { level: 'error' } }),
  )
  const program = new Program(distribution.path, ['serve', config])
  closers.push(() => program.stop('SIGTERM'))
  await program.until('an answer', async () => {
    const answer = await limitedFetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined)
    return answer?.ok || undefined
  })
  return `127.0.0.1:${port}`
}

/** skopeo without the machine's own configuration. */
async function skopeoRun(...args: string[]): Promise<string> {
  const policy = join(dir, 'policy.json')
  writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}')
  return (await run(copier.path, ['--policy', policy, ...args], { timeout: 60_000 })).stdout
}

test('our client pushes, pulls, signs and verifies at Debian’s docker-registry', {
  skip: distribution.skip,
}, async () => {
  const host = await startDistribution()
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  for (const format of FORMATS) {
    const ref = `${host}/test/${format}:v1`
    const { digest } = await pushWasmImage({ ref, wasm: WASM, format, credentials: anonymous })
    assert.deepEqual(await pull(ref), WASM)
    for (const form of ['tag', 'referrer', 'bundle'] as const) await signImage(client(ref), digest, pem, { form })
    await verifyImage(
      client(ref),
      await resolveImage(client(ref)),
      keyOnly(publicKey.export({ type: 'spki', format: 'pem' }).toString()),
    )
  }
  assert.deepEqual((await client(`${host}/test/oci:v1`).tags()).includes('v1'), true)
  await client(`${host}/test/oci:v1`).deleteManifest((await client(`${host}/test/oci:v1`).head())!.digest)
  await assert.rejects(pull(`${host}/test/oci:v1`), { code: 'SL3006' })
})

test('skopeo copies into and out of our registry, and inspects it', { skip: copier.skip }, async () => {
  const registry = await startRegistry({ dir: join(dir, 'ours'), port: 0 })
  closers.push(() => registry.close())
  for (const format of ['docker', 'oci'] as const) {
    const ref = `${registry.address}/test/${format}`
    const { digest } = await pushWasmImage({ ref: `${ref}:v1`, wasm: WASM, format, credentials: anonymous })
    const told = JSON.parse(await skopeoRun('inspect', '--tls-verify=false', `docker://${ref}:v1`))
    assert.equal(told.Digest, digest)
    assert.deepEqual(told.RepoTags, ['v1'])
    await skopeoRun('copy', '--src-tls-verify=false', `docker://${ref}:v1`, `dir:${join(dir, format)}`)
    await skopeoRun('copy', '--dest-tls-verify=false', `dir:${join(dir, format)}`, `docker://${ref}-copy:v2`)
    assert.deepEqual(await pull(`${ref}-copy:v2`), WASM)
    await skopeoRun(
      'copy',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      `docker://${ref}:v1`,
      `docker://${ref}:v3`,
    )
    assert.deepEqual(JSON.parse(await skopeoRun('list-tags', '--tls-verify=false', `docker://${ref}`)).Tags, [
      'v1',
      'v3',
    ])
    await skopeoRun('delete', '--tls-verify=false', `docker://${ref}:v3`)
    await assert.rejects(pull(`${ref}:v3`), { code: 'SL3006' })
  }
})

test('skopeo carries an image from Debian’s registry to ours', { skip: distribution.skip || copier.skip }, async () => {
  const host = await startDistribution()
  const registry = await startRegistry({ dir: join(dir, 'target'), port: 0, auth: { users: { ann: 'pw' } } })
  closers.push(() => registry.close())
  await pushWasmImage({ ref: `${host}/a/b:v1`, wasm: WASM, format: 'oci', credentials: anonymous })
  const to = `docker://${registry.address}/c/d:v1`
  const tls = ['--src-tls-verify=false', '--dest-tls-verify=false']
  await assert.rejects(skopeoRun('copy', ...tls, `docker://${host}/a/b:v1`, to), /unauthorized|authentication required/)
  await skopeoRun('copy', ...tls, '--dest-creds', 'ann:pw', `docker://${host}/a/b:v1`, to)
  const told = JSON.parse(await skopeoRun('inspect', '--tls-verify=false', '--creds', 'ann:pw', to))
  assert.deepEqual(told.RepoTags, ['v1'])
})
