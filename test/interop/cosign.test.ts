/** Signatures beside cosign: what it signs we accept, what we sign it accepts, and neither takes what was tampered with. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import {
  anonymous,
  HttpTransport,
  keyOnly,
  parseReference,
  pushWasmImage,
  RegistryClient,
  type RegistryServer,
  type SignatureForm,
  signReference,
  startRegistry,
  verifyDetached,
  verifyReference,
} from '../../src/oci/index.ts'
import { cosign } from '../peers/cosign.ts'

const peer = await cosign()
const dir = mkdtempSync(join(tmpdir(), 'sluice-cosign-'))
const access = { credentials: anonymous }
let registry: RegistryServer
let theirs = ''

const text = (file: string) => readFileSync(join(dir, file), 'utf8')

/** cosign on its own: no credentials, keys or caches of this machine, no transparency log. */
async function run(...args: string[]): Promise<string> {
  const env = { ...process.env, HOME: dir, DOCKER_CONFIG: dir, COSIGN_PASSWORD: 'secret', COSIGN_EXPERIMENTAL: '1' }
  return (await promisify(execFile)(peer.path, args, { cwd: dir, env, timeout: 60_000 })).stdout
}

const OFFLINE = ['--use-signing-config=false', '--tlog-upload=false', '-y']

/** How cosign is told to write, and to look for, each form. */
const FORMS: readonly { form: SignatureForm; write: string[]; read: string[] }[] = [
  { form: 'tag', write: ['--new-bundle-format=false'], read: ['--new-bundle-format=false'] },
  { form: 'bundle', write: [], read: [] },
  {
    form: 'referrer',
    write: ['--new-bundle-format=false', '--registry-referrers-mode=oci-1-1'],
    read: ['--new-bundle-format=false', '--experimental-oci11'],
  },
]

let count = 0

/** Pushes a module of its own; gives its reference and digest. */
async function pushed(): Promise<{ ref: string; digest: string; repository: string }> {
  const repository = `${registry.address}/signed/${count++}`
  const wasm = Buffer.from(`\0asm\x01\0\0\0\0\x05\x01x${String(count).padStart(3, '0')}`, 'latin1')
  const { digest } = await pushWasmImage({ ref: `${repository}:v1`, wasm, credentials: anonymous })
  return { ref: `${repository}:v1`, digest, repository }
}

before(async () => {
  registry = await startRegistry({ dir: join(dir, 'registry'), port: 0 })
  if (peer.skip !== false) return
  await run('generate-key-pair')
  theirs = text('cosign.pub')
})
after(async () => {
  await registry.close()
  rmSync(dir, { recursive: true, force: true })
})

const other = () => pair('ed25519').publicKey

function pair(type: 'ed25519' | 'P-256' | 'P-384' | 'rsa'): { privateKey: string; publicKey: string } {
  const { privateKey, publicKey } =
    type === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : type === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: type })
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
  }
}

describe('what cosign signs', { skip: peer.skip }, () => {
  for (const { form, write } of FORMS) {
    it(`${form}: is accepted with its key and no other`, async () => {
      const { ref, digest, repository } = await pushed()
      await assert.rejects(verifyReference(ref, theirs, access), { code: 'SL3025' })
      await run('sign', '--key', 'cosign.key', ...OFFLINE, ...write, `${repository}@${digest}`)
      assert.equal(await verifyReference(ref, theirs, access), digest)
      assert.equal(await verifyReference(ref, other() + theirs, access), digest, 'one of several keys')
      await assert.rejects(verifyReference(ref, other(), access), { code: 'SL3026' })
    })

    it(`${form}: does not cover another module under the same tag, not even when it is moved there`, async () => {
      const { ref, digest, repository } = await pushed()
      await run('sign', '--key', 'cosign.key', ...OFFLINE, ...write, `${repository}@${digest}`)
      const wasm = Buffer.from('\0asm\x01\0\0\0\0\x05\x01xbad', 'latin1')
      const bad = await pushWasmImage({ ref, wasm, credentials: anonymous })
      await assert.rejects(verifyReference(ref, theirs, access), { code: 'SL3025' })
      await moveSignatures(repository, digest, bad.digest)
      await assert.rejects(verifyReference(ref, theirs, access), { code: 'SL3026' })
    })
  }

  it('a file: base64 and bundle are accepted as detached signatures, for this file and key alone', async () => {
    writeFileSync(join(dir, 'plugin.wasm'), '\0asm\x01\0\0\0')
    writeFileSync(join(dir, 'other.wasm'), '\0asm\x01\0\0\0\0')
    const common = ['sign-blob', '--key', 'cosign.key', ...OFFLINE]
    await run(...common, '--new-bundle-format=false', '--output-signature', 'plain.sig', 'plugin.wasm')
    await run(...common, '--bundle', 'bundle.sig', 'plugin.wasm')
    for (const signature of ['plain.sig', 'bundle.sig']) {
      const verify = (file: string, key: string) =>
        verifyDetached(join(dir, file), async () => readFileSync(join(dir, signature)), keyOnly(key))
      await verify('plugin.wasm', theirs)
      await assert.rejects(verify('other.wasm', theirs), { code: 'SL3026' })
      await assert.rejects(verify('plugin.wasm', other()), { code: 'SL3026' })
    }
  })
})

/** What somebody who may push, and has no key, can do: hang the signatures of one image on another. */
async function moveSignatures(repository: string, from: string, to: string): Promise<void> {
  const transport = new HttpTransport()
  try {
    const client = new RegistryClient(parseReference(`${repository}:v1`), transport, access)
    const tag = (digest: string) => `${digest.replace(':', '-')}.sig`
    const classic = await client.manifest(tag(from)).catch(() => undefined)
    if (classic !== undefined) await client.putManifest(classic.bytes, classic.mediaType, tag(to))
    const { mediaType, bytes } = await client.manifest(to)
    for (const { digest } of await client.referrers(from)) {
      const { manifest } = await client.manifest(digest)
      const subject = { mediaType, digest: to, size: bytes.length }
      await client.putManifest({ ...manifest, subject }, 'application/vnd.oci.image.manifest.v1+json')
    }
  } finally {
    transport.close()
  }
}

describe('what we sign', { skip: peer.skip }, () => {
  for (const { form, read } of FORMS) {
    for (const type of ['P-256', 'P-384', 'ed25519', 'rsa'] as const) {
      it(`${form}, ${type}: cosign accepts it with the key and no other`, async () => {
        const { ref, digest } = await pushed()
        const { privateKey, publicKey } = pair(type)
        writeFileSync(join(dir, 'ours.pub'), publicKey)
        writeFileSync(join(dir, 'other.pub'), pair(type).publicKey)
        await signReference(ref, privateKey, { ...access, form, annotations: { stage: 'test' } })
        const verify = ['verify', '--insecure-ignore-tlog', ...read]
        assert.match(await run(...verify, '--key', 'ours.pub', ref), new RegExp(digest))
        await assert.rejects(run(...verify, '--key', 'other.pub', ref))
        await run(...verify, '--key', 'ours.pub', '-a', 'stage=test', ref)
        await assert.rejects(run(...verify, '--key', 'ours.pub', '-a', 'stage=other', ref))
      })
    }
  }

  it('cosign finds both signatures when it signs beside us', async () => {
    const { ref, digest, repository } = await pushed()
    const ours = pair('P-256')
    await signReference(ref, ours.privateKey, access)
    await run('sign', '--key', 'cosign.key', ...OFFLINE, '--new-bundle-format=false', `${repository}@${digest}`)
    await signReference(ref, pair('rsa').privateKey, access)
    for (const key of [ours.publicKey, theirs]) assert.equal(await verifyReference(ref, key, access), digest)
    await run('verify', '--insecure-ignore-tlog', '--new-bundle-format=false', '--key', 'cosign.pub', ref)
  })
})
