import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { RegistryClient } from './client.ts'
import { anonymous, fromDockerConfigJson } from './credentials.ts'
import { HttpTransport } from './http-transport.ts'
import type { Descriptor, Manifest } from './manifest.ts'
import { MediaType } from './media-types.ts'
import { pushWasmImage } from './push.ts'
import { parseReference } from './reference.ts'
import { type RegistryServer, startRegistry } from './registry/index.ts'
import { SupplyError } from './supply-error.ts'
import { tarOf } from './tar.ts'
import { DEFAULT_LIMITS } from './unpack.ts'
import { fetchModule, type ImageFormat, resolveImage } from './wasm-image.ts'

const WASM = Buffer.from('\0asm\x01\0\0\0', 'latin1')
const dir = mkdtempSync(join(tmpdir(), 'sluice-pull-'))
const transport = new HttpTransport()
let registry: RegistryServer

before(async () => {
  registry = await startRegistry({ dir: join(dir, 'registry'), port: 0 })
})
after(async () => {
  transport.close()
  await registry.close()
  rmSync(dir, { recursive: true })
})

function clientFor(ref: string): RegistryClient {
  return new RegistryClient(parseReference(ref), transport, { credentials: anonymous })
}

async function pull(ref: string, client = clientFor(ref)): Promise<{ bytes: Buffer; digest: string; format: string }> {
  const work = mkdtempSync(join(dir, 'work-'))
  const image = await resolveImage(client)
  const { path, format } = await fetchModule(client, image, work, DEFAULT_LIMITS)
  return { bytes: readFileSync(path), digest: image.digest, format }
}

/** Pushes an image with these layers. */
async function pushLayers(ref: string, mediaType: string, layers: [string, Uint8Array][]): Promise<string> {
  const client = clientFor(ref)
  const pushed: Descriptor[] = []
  for (const [type, bytes] of layers) pushed.push(await client.putBlob(type, bytes))
  const config = await client.putBlob(MediaType.ociConfig, Buffer.from('{}'))
  const manifest: Manifest = { schemaVersion: 2, mediaType, config, layers: pushed }
  return await client.putManifest(manifest, mediaType, parseReference(ref).tag)
}

describe('what is pushed can be pulled', () => {
  for (const format of ['docker', 'oci', 'artifact', 'wasm-to-oci', 'cncf'] satisfies ImageFormat[]) {
    it(format, async () => {
      const ref = `${registry.address}/test/${format}:v1`
      const pushed = await pushWasmImage({ ref, wasm: WASM, format, credentials: anonymous })
      const pulled = await pull(ref)
      assert.deepEqual(pulled, { bytes: WASM, digest: pushed.digest, format })
      const again = await pushWasmImage({ ref, wasm: WASM, format, credentials: anonymous })
      assert.equal(again.digest, pushed.digest, 'equal content has an equal digest')
      assert.deepEqual((await pull(`${registry.address}/test/${format}@${pushed.digest}`)).bytes, WASM)
    })
  }

  it('a module of several megabytes, whole', async () => {
    const wasm = Buffer.concat([WASM, Buffer.alloc(5_000_000, 'abcdefg')])
    const ref = `${registry.address}/test/large:v1`
    await pushWasmImage({ ref, wasm, credentials: anonymous })
    assert.ok((await pull(ref)).bytes.equals(wasm))
  })

  it('refuses to push what is no module', async () => {
    const push = pushWasmImage({ ref: `${registry.address}/x:v1`, wasm: Buffer.from('hello, world') })
    await assert.rejects(push, { code: 'SL3021' })
  })
})

describe('formats (Istio imagefetcher_test.go and the others in the wild)', () => {
  const tar = (...names: string[]) => tarOf(names.map((name) => ({ name, data: WASM })))
  const gz = (...names: string[]) => gzipSync(tar(...names))
  const good: [string, string, [string, Uint8Array][]][] = [
    ['docker: one layer', MediaType.dockerManifest, [[MediaType.dockerLayerGzip, gz('plugin.wasm')]]],
    [
      'docker: more than one layer, the last is used',
      MediaType.dockerManifest,
      [
        [MediaType.dockerLayerGzip, gz('other')],
        [MediaType.dockerLayerGzip, gz('plugin.wasm')],
      ],
    ],
    ['oci: one layer', MediaType.ociManifest, [[MediaType.ociLayerGzip, gz('plugin.wasm')]]],
    ['./plugin.wasm', MediaType.ociManifest, [[MediaType.ociLayerGzip, gz('./plugin.wasm')]]],
    ['in a folder, not first', MediaType.ociManifest, [[MediaType.ociLayerGzip, gz('a', 'b/c/plugin.wasm')]]],
    ['a lone module of another name', MediaType.ociManifest, [[MediaType.ociLayerGzip, gz('x', 'plugin.wasm/f.wasm')]]],
    ['zstd layer', MediaType.ociManifest, [[MediaType.ociLayerZstd, zstdCompressSync(tar('plugin.wasm'))]]],
    ['plain tar layer', MediaType.ociManifest, [[MediaType.ociLayer, tar('plugin.wasm')]]],
    [
      'artifact: valid',
      MediaType.ociManifest,
      [
        [MediaType.soloConfig, Buffer.from('{}')],
        [MediaType.soloContent, WASM],
      ],
    ],
    ['artifact: one layer (Istio refuses it)', MediaType.ociManifest, [[MediaType.soloContent, WASM]]],
  ]
  for (const [name, mediaType, layers] of good) {
    it(name, async () => {
      const ref = `${registry.address}/formats/good:${name.replace(/[^a-z0-9]/g, '_').slice(0, 60)}`
      await pushLayers(ref, mediaType, layers)
      assert.deepEqual((await pull(ref)).bytes, WASM)
    })
  }

  const bad: [string, string, [string, Uint8Array][], RegExp][] = [
    ['no layers', MediaType.ociManifest, [], /number of layers must be greater than zero/],
    [
      'docker: invalid media type',
      MediaType.dockerManifest,
      [['a/b', WASM]],
      /invalid media type a\/b \(expect .*docker/,
    ],
    ['oci: invalid media type', MediaType.ociManifest, [['a/b', WASM]], /invalid media type a\/b \(expect .*oci/],
    [
      'not found',
      MediaType.ociManifest,
      [[MediaType.ociLayerGzip, gz('a', 'b')]],
      /plugin\.wasm not found in the archive/,
    ],
    [
      'no gzip',
      MediaType.ociManifest,
      [[MediaType.ociLayerGzip, tar('plugin.wasm')]],
      /gzip content cannot be unpacked/,
    ],
    ['no tar', MediaType.ociManifest, [[MediaType.ociLayer, Buffer.alloc(600, 7)]], /damaged/],
    ['cut tar', MediaType.ociManifest, [[MediaType.ociLayer, tar('plugin.wasm').subarray(0, 515)]], /cut short/],
  ]
  for (const [name, mediaType, layers, message] of bad) {
    it(name, async () => {
      const ref = `${registry.address}/formats/bad:${name.replace(/[^a-z0-9]/g, '_')}`
      await pushLayers(ref, mediaType, layers)
      await assert.rejects(
        pull(ref),
        (error) => error instanceof SupplyError && error.code === 'SL3012' && message.test(error.message),
      )
    })
  }

  it('an index leads to its Wasm entry, else to linux/amd64, and never to an attestation', async () => {
    const ref = `${registry.address}/formats/index:v1`
    const client = clientFor(ref)
    const child = async (text: string, platform?: Descriptor['platform']): Promise<Descriptor> => {
      const digest = await pushLayers(`${ref}-${text}`, MediaType.ociManifest, [
        [MediaType.cncfContent, Buffer.concat([WASM, Buffer.from(text)])],
      ])
      const { bytes } = await client.manifest(digest)
      return { mediaType: MediaType.ociManifest, digest, size: bytes.length, ...(platform ? { platform } : {}) }
    }
    const attestation = await child('attestation', { os: 'unknown', architecture: 'unknown' })
    const arm = await child('arm', { os: 'linux', architecture: 'arm64' })
    const amd = await child('amd', { os: 'linux', architecture: 'amd64' })
    const wasm = await child('wasm', { os: 'wasip1', architecture: 'wasm' })
    const put = (manifests: Descriptor[]) =>
      client.putManifest({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests }, MediaType.ociIndex, 'v1')
    for (const [entries, expected] of [
      [[attestation, arm, amd, wasm], wasm],
      [[attestation, arm, amd], amd],
      [[attestation, arm], arm],
    ] as const) {
      const indexDigest = await put([...entries])
      const image = await resolveImage(client)
      assert.deepEqual([image.digest, image.indexDigest], [expected.digest, indexDigest])
    }
    await put([attestation])
    await assert.rejects(resolveImage(client), { code: 'SL3012' })
  })
})

describe('mirrors', () => {
  it('serve another registry’s name, and say so', async () => {
    const mirrors = [{ prefix: 'ghcr.io', endpoint: registry.address, plainHttp: true }]
    const ref = 'oci://ghcr.io/istio-ecosystem/wasm-extensions/basic_auth:1.12.0'
    const pushed = await pushWasmImage({ ref, wasm: WASM, mirrors, credentials: anonymous })
    const client = new RegistryClient(parseReference(ref), transport, { mirrors, credentials: anonymous })
    assert.equal((await pull(ref, client)).digest, pushed.digest)
    assert.equal(client.source, `mirror ${registry.address}/istio-ecosystem/wasm-extensions/basic_auth`)
    assert.equal(
      (await pull(`${registry.address}/istio-ecosystem/wasm-extensions/basic_auth:1.12.0`)).digest,
      pushed.digest,
    )
  })

  it('keep registries apart by a path', async () => {
    const mirrors = [{ prefix: 'a.test/x', endpoint: `${registry.address}/a.test`, plainHttp: true, exclusive: true }]
    await pushWasmImage({ ref: 'a.test/x/y:v1', wasm: WASM, mirrors, credentials: anonymous })
    assert.deepEqual((await pull(`${registry.address}/a.test/x/y:v1`)).bytes, WASM)
  })

  it('are left for the registry itself when they do not have it', async () => {
    const empty = await startRegistry({ dir: join(dir, 'empty'), port: 0 })
    const ref = `${registry.address}/test/fallback:v1`
    await pushWasmImage({ ref, wasm: WASM, credentials: anonymous })
    const mirrors = [{ prefix: registry.address, endpoint: empty.address }]
    const client = new RegistryClient(parseReference(ref), transport, { mirrors, credentials: anonymous })
    assert.deepEqual((await pull(ref, client)).bytes, WASM)
    assert.equal(client.source, undefined)
    const exclusive = { ...mirrors[0], exclusive: true }
    const strict = new RegistryClient(parseReference(ref), transport, { mirrors: [exclusive], credentials: anonymous })
    await assert.rejects(pull(ref, strict), { code: 'SL3006' })
    await empty.close()
  })
})

describe('credentials', () => {
  it('are sent where Basic is asked for, and their absence is an error of its own', async () => {
    const guarded = await startRegistry({ dir: join(dir, 'guarded'), port: 0, auth: { users: { ann: 'pw' } } })
    const ref = `${guarded.address}/private/x:v1`
    const auths = { [guarded.address]: { auth: Buffer.from('ann:pw').toString('base64') } }
    const credentials = fromDockerConfigJson(JSON.stringify({ auths }))
    const pushed = await pushWasmImage({ ref, wasm: WASM, credentials })
    const use = (source: typeof credentials) =>
      new RegistryClient(parseReference(ref), transport, { credentials: source })
    assert.equal((await pull(ref, use(credentials))).digest, pushed.digest)
    await assert.rejects(pull(ref, use(anonymous)), { code: 'SL3004' })
    const wrong = fromDockerConfigJson(
      JSON.stringify({ auths: { [guarded.address]: { username: 'ann', password: 'no' } } }),
    )
    await assert.rejects(pull(ref, use(wrong)), { code: 'SL3004' })
    await guarded.close()
  })
})

it('a blob that the registry’s disk lost or changed is never taken', async () => {
  const ref = `${registry.address}/test/tampered:v1`
  await pushWasmImage({ ref, wasm: WASM, format: 'cncf', credentials: anonymous })
  const client = new RegistryClient(parseReference(ref), transport, {
    credentials: anonymous,
    retry: { attempts: 1, initialMs: 1, maxMs: 1 },
  })
  const image = await resolveImage(client)
  const { hex } = { hex: image.fetched.manifest.layers![0].digest.slice(7) }
  writeFileSync(join(dir, 'registry/blobs/sha256', hex.slice(0, 2), hex), '\0asm\x02\0\0\0')
  await assert.rejects(pull(ref, client), { code: 'SL3010' })
})
