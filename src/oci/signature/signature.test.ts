import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { RegistryClient } from '../client.ts'
import { anonymous } from '../credentials.ts'
import { HttpTransport } from '../http-transport.ts'
import { MediaType } from '../media-types.ts'
import { pushWasmImage } from '../push.ts'
import { parseReference } from '../reference.ts'
import { type RegistryServer, startRegistry } from '../registry/index.ts'
import { resolveImage } from '../wasm-image.ts'
import { preAuthEncoding } from './bundle.ts'
import { signWith } from './keys.ts'
import { digestInPayload, payloadFor } from './payload.ts'
import { type SignatureForm, signImage } from './sign.ts'
import { keyOnly, verifyDetached, verifyImage } from './verify.ts'

const WASM = Buffer.from('\0asm\x01\0\0\0', 'latin1')
const dir = mkdtempSync(join(tmpdir(), 'sluice-signature-'))
const transport = new HttpTransport()
let registry: RegistryServer
let count = 0

before(async () => {
  registry = await startRegistry({ dir: join(dir, 'registry'), port: 0 })
})
after(async () => {
  transport.close()
  await registry.close()
  rmSync(dir, { recursive: true })
})

interface Keys {
  readonly public: string
  readonly private: string
}
const pems = ({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }): Keys => ({
  public: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  private: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
})
const kinds: Record<string, Keys> = {
  'ECDSA P-256': pems(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  'ECDSA P-384': pems(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
  'RSA 2048': pems(generateKeyPairSync('rsa', { modulusLength: 2048 })),
  Ed25519: pems(generateKeyPairSync('ed25519')),
}
const key = kinds['ECDSA P-256']
const otherKey = kinds['Ed25519']

/** A fresh image and a client for it. */
async function image(): Promise<{ client: RegistryClient; digest: string }> {
  const wasm = Buffer.concat([WASM, Buffer.from(String(count++))])
  const ref = `${registry.address}/signed/${count}:v1`
  const { digest } = await pushWasmImage({ ref, wasm, credentials: anonymous })
  return { client: new RegistryClient(parseReference(ref), transport, { credentials: anonymous }), digest }
}

const verify = async (client: RegistryClient, pem: string) =>
  verifyImage(client, await resolveImage(client), keyOnly(pem))

describe('signatures of images', () => {
  for (const [kind, keys] of Object.entries(kinds)) {
    for (const form of ['tag', 'referrer', 'bundle'] satisfies SignatureForm[]) {
      it(`${kind}, ${form}`, async () => {
        const { client, digest } = await image()
        await assert.rejects(verify(client, keys.public), { code: 'SL3025' })
        await signImage(client, digest, keys.private, { form })
        await verify(client, keys.public)
        const wrong = keys === otherKey ? key : otherKey
        await assert.rejects(verify(client, wrong.public), { code: 'SL3026' })
      })
    }
  }

  it('one good signature among others is enough, and so is one of several keys', async () => {
    const { client, digest } = await image()
    await signImage(client, digest, otherKey.private)
    await signImage(client, digest, key.private)
    await verify(client, key.public)
    await verify(client, kinds['RSA 2048'].public + otherKey.public)
  })

  it('a signature of another image does not count', async () => {
    const one = await image()
    const two = await image()
    await signImage(one.client, one.digest, key.private)
    const stolen = await one.client.manifest(`sha256-${one.digest.slice(7)}.sig`)
    for (const layer of stolen.manifest.layers!) {
      await two.client.putBlob(layer.mediaType, await one.client.blob(layer, 1 << 20))
    }
    await two.client.putBlob(MediaType.ociConfig, await one.client.blob(stolen.manifest.config!, 1 << 20))
    await two.client.putManifest(stolen.bytes, stolen.mediaType, `sha256-${two.digest.slice(7)}.sig`)
    await assert.rejects(verify(two.client, key.public), { code: 'SL3026' })
  })

  it('the signature of an index covers the image that it leads to', async () => {
    const { client, digest } = await image()
    const { bytes, mediaType } = await client.manifest(digest)
    const manifests = [{ mediaType, digest, size: bytes.length }]
    const index = await client.putManifest(
      { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests },
      MediaType.ociIndex,
      'v1',
    )
    await signImage(client, index, key.private)
    await verify(client, key.public)
  })

  it('keys that are none, or of a kind that is not taken', async () => {
    const { client } = await image()
    const small = pems(generateKeyPairSync('rsa', { modulusLength: 1024 }))
    const curve = pems(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }))
    for (const pem of ['', 'hello', small.public, curve.public, key.private]) {
      await assert.rejects(verify(client, pem), { code: 'SL3027' })
    }
  })
})

describe('payload', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  it('is written as cosign does', () => {
    const expected = `{"critical":{"identity":{"docker-reference":"h/r"},"image":{"docker-manifest-digest":"${digest}"},"type":"cosign container image signature"},"optional":null}`
    assert.equal(payloadFor('h/r', digest).toString(), expected)
  })
  it('is read without regard to the case of names, and only if it is one', () => {
    const text = payloadFor('h/r', digest).toString()
    assert.equal(digestInPayload(Buffer.from(text.replace('docker-manifest', 'Docker-manifest'))), digest)
    assert.equal(digestInPayload(Buffer.from(text.replace('cosign container', 'other'))), undefined)
    assert.equal(digestInPayload(Buffer.from('[]')), undefined)
    assert.equal(digestInPayload(Buffer.from('{')), undefined)
  })
})

it('DSSE pre-authentication encoding (its specification’s example)', () => {
  const encoded = preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world'))
  assert.equal(encoded.toString(), 'DSSEv1 29 http://example.com/HelloWorld 11 hello world')
})

describe('detached signatures', () => {
  const path = join(dir, 'm.wasm')
  writeFileSync(path, WASM)
  it('base64 as cosign sign-blob writes it, raw, or a sigstore bundle', async () => {
    const { createPrivateKey } = await import('node:crypto')
    const signature = signWith(createPrivateKey(key.private), WASM)
    await verifyDetached(path, async () => Buffer.from(`${signature.toString('base64')}\n`), keyOnly(key.public))
    await verifyDetached(path, async () => signature, keyOnly(key.public))
    const messageSignature = { signature: signature.toString('base64') }
    await verifyDetached(path, async () => Buffer.from(JSON.stringify({ messageSignature })), keyOnly(key.public))
    await assert.rejects(
      verifyDetached(path, async () => signature, keyOnly(otherKey.public)),
      { code: 'SL3026' },
    )
    await assert.rejects(
      verifyDetached(path, async () => undefined, keyOnly(key.public)),
      { code: 'SL3025' },
    )
  })
})
