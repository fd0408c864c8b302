import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { anonymous, fromDockerConfigJson } from '../credentials.ts'
import { MediaType } from '../media-types.ts'
import { pushWasmImage } from '../push.ts'
import { type RegistryServer, startRegistry } from '../registry/index.ts'
import { tarOf } from '../tar.ts'
import { loadBundle, saveBundle } from './bundle.ts'
import { copyImage } from './copy.ts'
import { withClient } from './open.ts'
import { signReference, verifyReference } from './sign.ts'

const WASM = Buffer.from('\0asm\x01\0\0\0', 'latin1')
const dir = mkdtempSync(join(tmpdir(), 'sluice-commands-'))
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const options = { credentials: anonymous }
let from: RegistryServer
let to: RegistryServer

before(async () => {
  from = await startRegistry({ dir: join(dir, 'from'), port: 0 })
  to = await startRegistry({ dir: join(dir, 'to'), port: 0 })
})
after(async () => {
  await from.close()
  await to.close()
  rmSync(dir, { recursive: true })
})

describe('copy', () => {
  it('carries an image with its signatures of every form, by the same digest', async () => {
    const ref = `${from.address}/a/b:v1`
    const { digest } = await pushWasmImage({ ref, wasm: WASM, format: 'artifact', ...options })
    await signReference(ref, privatePem, { ...options, form: 'tag' })
    await signReference(ref, privatePem, { ...options, form: 'bundle' })
    const target = `${to.address}/c/d:v2`
    assert.equal(await copyImage(ref, target, options), digest)
    assert.equal(await verifyReference(target, publicPem, options), digest)
    assert.equal(await verifyReference(`${to.address}/c/d@${digest}`, publicPem, options), digest)
    await withClient(target, options, false, async (client) => assert.equal((await client.referrers(digest)).length, 1))
  })

  it('carries an index with its images', async () => {
    const ref = `${from.address}/index:v1`
    const { digest } = await pushWasmImage({ ref: `${from.address}/index:child`, wasm: WASM, ...options })
    await withClient(ref, options, true, async (client) => {
      const { bytes, mediaType } = await client.manifest('child')
      const manifests = [{ mediaType, digest, size: bytes.length }]
      await client.putManifest({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests }, MediaType.ociIndex, 'v1')
    })
    await copyImage(ref, `${to.address}/index:v1`, options)
    await withClient(`${to.address}/index@${digest}`, options, false, async (client) =>
      assert.ok(await client.manifest()),
    )
  })

  it('leaves signatures behind when told', async () => {
    const ref = `${from.address}/unsigned:v1`
    await pushWasmImage({ ref, wasm: WASM, ...options })
    await signReference(ref, privatePem, options)
    await copyImage(ref, `${to.address}/unsigned:v1`, { ...options, signatures: false })
    await assert.rejects(verifyReference(`${to.address}/unsigned:v1`, publicPem, options), { code: 'SL3025' })
  })

  it('uses the credentials of each side', async () => {
    const guarded = await startRegistry({ dir: join(dir, 'guarded'), port: 0, auth: { users: { ann: 'pw' } } })
    const auths = { [guarded.address]: { username: 'ann', password: 'pw' } }
    const credentials = fromDockerConfigJson(JSON.stringify({ auths }))
    const ref = `${from.address}/guarded:v1`
    await pushWasmImage({ ref, wasm: WASM, ...options })
    await assert.rejects(copyImage(ref, `${guarded.address}/x:v1`, options), { code: 'SL3004' })
    await copyImage(ref, `${guarded.address}/x:v1`, { credentials })
    await guarded.close()
  })
})

describe('bundle', () => {
  it('carries modules with signatures to where there is no registry but a mirror', async () => {
    const mirrors = [{ prefix: 'ghcr.io', endpoint: from.address, plainHttp: true }]
    const refs = ['ghcr.io/org/one:v1', 'ghcr.io/org/two:v1']
    for (const ref of refs) {
      await pushWasmImage({ ref, wasm: Buffer.concat([WASM, Buffer.from(ref)]), mirrors, ...options })
      await signReference(ref, privatePem, { ...options, mirrors })
    }
    await signReference(refs[1], privatePem, { ...options, mirrors, form: 'bundle' })
    const file = join(dir, 'bundle.tar')
    const saved = await saveBundle(file, refs, { ...options, mirrors })
    assert.ok(refs.every((ref) => saved.includes(ref)))
    const local = [{ prefix: 'ghcr.io', endpoint: to.address, plainHttp: true }]
    assert.deepEqual(await loadBundle(file, { ...options, mirrors: local }), saved)
    for (const ref of refs) await verifyReference(ref, publicPem, { ...options, mirrors: local })
  })

  it('refuses what was changed on the way', async () => {
    const file = join(dir, 'changed.tar')
    await pushWasmImage({ ref: `${from.address}/changed:v1`, wasm: WASM, format: 'cncf', ...options })
    await saveBundle(file, [`${from.address}/changed:v1`], options)
    const bytes = readFileSync(file)
    const at = bytes.indexOf(WASM)
    bytes[at + 4] = 2
    writeFileSync(file, bytes)
    await withClient(`${from.address}/changed:v1`, options, true, async (client) => {
      const { digest, manifest } = await client.manifest()
      await client.deleteManifest(digest)
      assert.ok(manifest.layers)
    })
    const elsewhere = [{ prefix: from.address, endpoint: to.address, plainHttp: true }]
    await assert.rejects(loadBundle(file, { ...options, mirrors: elsewhere }))
  })

  it('writes nothing outside of itself', async () => {
    const file = join(dir, 'evil.tar')
    writeFileSync(file, tarOf([{ name: '../../evil', data: WASM }]))
    await assert.rejects(loadBundle(file, options), { code: 'SL3012' })
  })
})
