/** Istio's pkg/wasm/cache_test.go, `TestWasmCache`, restated; names are Istio's where the case is. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  anonymous,
  fromDockerConfigJson,
  type PushedImage,
  pushWasmImage,
  type RegistryServer,
  sha256Hex,
  signReference,
  startRegistry,
} from '../../oci/index.ts'
import { Registry } from '../../telemetry/metrics.ts'
import { FaultyRegistry } from '../hostile/faulty-registry.ts'
import { emptyModule, serve, type TestServer, temporaryFolder } from '../testing.ts'
import { ModuleCache, type ModuleRequest } from './module-cache.ts'
import type { ModuleCacheOptions } from './options.ts'

const folder = temporaryFolder()
const bytes1 = emptyModule('one')
const bytes2 = emptyModule('two')
const sum1 = sha256Hex(bytes1)
let registry: RegistryServer
let image1: PushedImage
let image2: PushedImage
let ref: string
let front: FaultyRegistry

before(async () => {
  const dir = join(folder.path, 'registry')
  registry = await startRegistry({ dir, port: 0 })
  front = await FaultyRegistry.start(registry)
  front.fault = () => {
    asked++
    return false
  }
  ref = `${front.host}/test/module`
  image1 = await push('v1', bytes1)
  image2 = await push('v2', bytes2)
})
after(async () => {
  await front.close()
  await registry.close()
  folder.remove()
})

function push(tag: string, wasm: Uint8Array): Promise<PushedImage> {
  return pushWasmImage({ ref: `${ref}:${tag}`, wasm, credentials: anonymous })
}

let asked = 0
/** Requests that came to the registry. */
const visits = () => asked

let cache: ModuleCache
let metrics: Registry
let dir: string
let runs = 0
beforeEach(async () => {
  dir = join(folder.path, `cache-${runs++}`)
  await reopen()
})
afterEach(() => cache.close())

async function reopen(options: Partial<ModuleCacheOptions> = {}): Promise<void> {
  cache?.close()
  metrics = new Registry()
  const retry = { attempts: 1, initialMs: 1, maxMs: 1 }
  const http = { attempts: 2, attemptMs: 2000, retry: { initialMs: 1, maxMs: 1 } }
  cache = await new ModuleCache({ dir, metrics, registries: { retry }, http, ...options }).open()
}

async function get(request: Partial<ModuleRequest> & { url: string }) {
  const module = await cache.get({ resourceName: 'ns.name', resourceVersion: '1', timeoutMs: 5000, ...request })
  module.release()
  return module
}

const oci = (tag: string) => `oci://${ref}${tag}`
const hex = (image: PushedImage) => image.digest.slice(7)
const metric = (name: string) =>
  Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\d+)$`, 'm').exec(metrics.render())?.[1] ?? 0)

describe('TestWasmCache, http', () => {
  let http: TestServer
  let body = bytes1
  beforeEach(async () => {
    body = bytes1
    http = await serve((_, response) => response.end(body))
  })
  afterEach(() => http.close())

  it('cache miss', async () => {
    const module = await get({ url: `${http.url}/a`, sha256: sum1 })
    assert.equal(module.digest, `sha256:${sum1}`)
    assert.equal(module.fromCache, false)
    assert.deepEqual(readFileSync(module.path), bytes1)
    assert.equal(metric('istio_agent_wasm_cache_entries'), 1)
    assert.equal(metric('istio_agent_wasm_remote_fetch_count{result="success"}'), 1)
    assert.equal(metric('istio_agent_wasm_cache_lookup_count{hit="false"}'), 1)
  })

  it('cache hit', async () => {
    const first = await get({ url: `${http.url}/a`, sha256: sum1 })
    const second = await get({ url: `${http.url}/a`, sha256: sum1, resourceVersion: '2', pullPolicy: 'Always' })
    assert.equal(second.path, first.path)
    assert.equal(second.fromCache, true)
    assert.equal(http.requests.length, 1)
    assert.equal(metric('istio_agent_wasm_cache_lookup_count{hit="true"}'), 1)
  })

  it('invalid scheme', async () => {
    await assert.rejects(get({ url: 'foo://host/a' }), /unsupported Wasm module downloading URL scheme: foo/)
  })

  it('download failure', async () => {
    await http.close()
    await assert.rejects(get({ url: `${http.url}/a` }), { code: 'SL3003' })
    assert.equal(metric('istio_agent_wasm_remote_fetch_count{result="download_failure"}'), 1)
  })

  it('wrong checksum', async () => {
    const wrong = '0'.repeat(64)
    const message = `module downloaded from ${http.url}/a has checksum ${sum1}, which does not match: ${wrong}`
    await assert.rejects(get({ url: `${http.url}/a`, sha256: wrong }), (error: Error) =>
      error.message.includes(message),
    )
    assert.equal(metric('istio_agent_wasm_remote_fetch_count{result="checksum_mismatched"}'), 1)
    assert.equal(metric('istio_agent_wasm_cache_entries'), 0)
  })

  it('different url same checksum', async () => {
    await get({ url: `${http.url}/a`, sha256: sum1 })
    await get({ url: `${http.url}/b`, sha256: sum1 })
    assert.deepEqual(http.requests, ['/a', '/b'], 'who may read one URL may not for that reason read another')
    assert.equal(metric('istio_agent_wasm_cache_entries'), 2)
    assert.equal(readdirSync(join(dir, 'modules')).length, 1, 'the bytes are stored once')
  })

  it('invalid wasm header', async () => {
    body = Buffer.from('<html>not found</html>')
    await assert.rejects(get({ url: `${http.url}/a` }), /fetched Wasm binary from .*\/a is invalid: .*looks like HTML/)
    assert.equal(metric('istio_agent_wasm_remote_fetch_count{result="fetch_failure"}'), 1)
  })

  it('purge on expiry', async () => {
    const { path } = await get({ url: `${http.url}/a` })
    assert.equal(await cache.purge(), 0)
    assert.equal(await cache.purge(Date.now() + 25 * 3_600_000), 1)
    assert.equal(metric('istio_agent_wasm_cache_entries'), 0)
    assert.throws(() => readFileSync(path))
    await get({ url: `${http.url}/a` })
    assert.equal(http.requests.length, 2, 'what the URL meant is forgotten with it')
  })

  it('no message shows a secret of the URL', async () => {
    const url = `${http.url.replace('//', '//ann:hidden@')}/a?signature=hidden`
    const wrong = { url, sha256: '0'.repeat(64) }
    await assert.rejects(
      get(wrong),
      (error: Error) => /has checksum/.test(error.message) && !/hidden/.test(error.message),
    )
    body = Buffer.from('no module')
    await assert.rejects(
      get({ url }),
      (error: Error) => /is invalid/.test(error.message) && !/hidden/.test(error.message),
    )
    await assert.rejects(get({ url: 'http://ann:hidden@:bad' }), (error: Error) => !/hidden/.test(error.message))
  })

  it('a literal nil is no checksum', async () => {
    await get({ url: `${http.url}/a`, sha256: 'nil' })
  })

  it('TestWasmCachePolicyChangesUsingHTTP', async () => {
    const steps: [string, Partial<ModuleRequest> & { url: string }, number][] = [
      ['default v1 pulls', { url: `${http.url}/a`, resourceVersion: '1' }, 1],
      ['default v2 does not', { url: `${http.url}/a`, resourceVersion: '2' }, 1],
      ['IfNotPresent v3 does not', { url: `${http.url}/a`, resourceVersion: '3', pullPolicy: 'IfNotPresent' }, 1],
      ['Always, same version, does not', { url: `${http.url}/a`, resourceVersion: '3', pullPolicy: 'Always' }, 1],
      ['Always v4 pulls', { url: `${http.url}/a`, resourceVersion: '4', pullPolicy: 'Always' }, 2],
      ['Always, another URL, pulls', { url: `${http.url}/b`, resourceVersion: '4', pullPolicy: 'Always' }, 3],
    ]
    for (const [name, request, expected] of steps) {
      await get(request)
      assert.equal(http.requests.length, expected, name)
    }
  })

  it('a pull that failed is not remembered as done (Istio returns the old module then)', async () => {
    await get({ url: `${http.url}/a`, pullPolicy: 'Always' })
    body = Buffer.from('broken!!')
    const asked = { url: `${http.url}/a`, pullPolicy: 'Always', resourceVersion: '2' } as const
    await assert.rejects(get(asked))
    await assert.rejects(get(asked), { code: 'SL3021' })
    body = bytes2
    assert.equal((await get(asked)).sha256, sha256Hex(bytes2))
  })

  it('gzip is unpacked before the checksum is taken', async () => {
    body = gzipSync(bytes1)
    assert.equal((await get({ url: `${http.url}/a`, sha256: sum1 })).sha256, sum1)
  })
})

describe('TestWasmCache, oci', () => {
  it('fetch oci without digest', async () => {
    const module = await get({ url: oci(':v1') })
    assert.equal(module.digest, image1.digest)
    assert.deepEqual(readFileSync(module.path), bytes1)
  })

  it('fetch oci with digest', async () => {
    assert.equal((await get({ url: oci(`@${image1.digest}`) })).digest, image1.digest)
  })

  it('cache hit for tagged oci url with digest', async () => {
    await get({ url: oci(':v1') })
    const before = visits()
    assert.equal((await get({ url: oci(':v1'), sha256: hex(image1) })).fromCache, true)
    assert.equal(visits(), before)
  })

  it('cache hit for tagged oci url without digest', async () => {
    await get({ url: oci(':v1') })
    const before = visits()
    assert.equal((await get({ url: oci(':v1'), resourceName: 'ns.other', resourceVersion: '9' })).fromCache, true)
    assert.equal(visits(), before)
  })

  it('cache miss for tagged oci url without digest', async () => {
    await get({ url: oci(`@${image1.digest}`) })
    const before = visits()
    assert.equal((await get({ url: oci(':v1') })).digest, image1.digest)
    assert.ok(visits() > before, 'what the tag means has to be asked')
  })

  it('cache hit for oci url suffixed by digest', async () => {
    await get({ url: oci(':v1') })
    const before = visits()
    assert.equal((await get({ url: oci(`@${image1.digest}`) })).fromCache, true)
    assert.equal(visits(), before)
  })

  /** Pulls v1's content by a tag, moves the tag to v2's, asks again as told; expects the digest. */
  async function moved(
    tag: string,
    again: Partial<ModuleRequest>,
    expected: PushedImage,
    url = oci(tag),
  ): Promise<void> {
    const name = tag === '' ? 'latest' : tag.slice(1)
    await push(name, bytes1)
    await get({ url })
    await push(name, bytes2)
    const before = visits()
    const module = await get({ url, ...again })
    assert.equal(module.digest, expected.digest)
    assert.equal(visits() > before, expected === image2, 'whether the registry was asked')
  }

  it('pull due to pull-always policy when cache hit', () =>
    moved(':t1', { pullPolicy: 'Always', resourceVersion: '2' }, image2))
  it('do not pull due to resourceVersion is the same', () => moved(':t2', { pullPolicy: 'Always' }, image1))
  it('pull due to if-not-present policy when cache hit (Istio’s name; it expects no pull)', () =>
    moved(':t3', { pullPolicy: 'IfNotPresent', resourceVersion: '2' }, image1))
  it('do not pull in spite of pull-always policy due to checksum', () =>
    moved(':t4', { pullPolicy: 'Always', resourceVersion: '2', sha256: hex(image1) }, image1))
  it('pull due to latest tag', () => moved(':latest', { resourceVersion: '2' }, image2))
  it('do not pull in spite of latest tag due to checksum', () =>
    moved(':latest', { resourceVersion: '2', sha256: hex(image1) }, image1))
  it('do not pull in spite of latest tag due to IfNotPresent policy', () =>
    moved(':latest', { resourceVersion: '2', pullPolicy: 'IfNotPresent' }, image1))
  it('pull due to no tag at all, which is latest (Istio does not)', () => moved('', { resourceVersion: '2' }, image2))

  it('a new version of an unchanged image costs a manifest, not the module', async () => {
    await get({ url: oci(':v1') })
    const before = visits()
    await get({ url: oci(':v1'), pullPolicy: 'Always', resourceVersion: '2' })
    assert.equal(visits() - before, 1)
  })

  it('purge OCI image on expiry', async () => {
    await get({ url: oci(':v1') })
    assert.equal(await cache.purge(Date.now() + 25 * 3_600_000), 1)
    assert.equal((await get({ url: oci(':v1') })).fromCache, false)
  })

  it('fetch oci timed out', async () => {
    const silent = await serve(() => {})
    const asked = get({ url: `oci://${silent.host}/a:v1`, timeoutMs: 100 })
    await assert.rejects(asked, { code: 'SL3015' })
    assert.equal(metric('istio_agent_wasm_remote_fetch_count{result="manifest_failure"}'), 1)
    await silent.close()
  })

  it('fetch oci with wrong digest', async () => {
    const message = `has checksum ${hex(image1)}, which does not match: ${hex(image2)}`
    await assert.rejects(get({ url: oci(':v1'), sha256: hex(image2) }), (error: Error) =>
      error.message.includes(message),
    )
    const both = get({ url: oci(`@${image1.digest}`), sha256: hex(image2) })
    await assert.rejects(both, { code: 'SL3011' }, '@sha256 must agree with sha256')
  })

  it('fetch invalid oci', async () => {
    const text = Buffer.from('\0asm\x01\0\0\0garbage', 'latin1')
    await push('odd', text)
    await get({ url: oci(':odd') }) // only the trial can tell: the first eight bytes are a module's
    await assert.rejects(get({ url: oci(':none') }), { code: 'SL3006' })
    assert.equal(metric('istio_agent_wasm_remote_fetch_count{result="manifest_failure"}'), 1)
  })
})

describe('beyond Istio', () => {
  it('file:// is checked too, and a checked copy is handed out', async () => {
    const path = join(folder.path, 'local.wasm')
    writeFileSync(path, bytes1)
    const module = await get({ url: `file://${path}`, sha256: sum1 })
    assert.notEqual(module.path, path)
    writeFileSync(path, bytes2)
    assert.deepEqual(readFileSync(module.path), bytes1)
    await assert.rejects(get({ url: `file://${path}`, sha256: sum1 }), { code: 'SL3011' })
    await assert.rejects(get({ url: `file://${path}.none` }), { code: 'SL3022' })
  })

  it('1,000 askers at once make one pull', async () => {
    const before = visits()
    const asks = Array.from({ length: 1000 }, (_, i) => get({ url: oci(':v1'), resourceName: `ns.${i}` }))
    const digests = new Set((await Promise.all(asks)).map(({ digest }) => digest))
    assert.deepEqual([...digests], [image1.digest])
    assert.equal(visits() - before, 2, 'one manifest, one layer')
    assert.equal(metric('istio_agent_wasm_remote_fetch_count{result="success"}'), 1)
  })

  it('a restart finds what was pulled, without the registry', async () => {
    await get({ url: oci(':v1') })
    await reopen()
    const before = visits()
    assert.equal((await get({ url: oci(':v1') })).fromCache, true)
    assert.equal(visits(), before)
  })

  it('a file that the disk changed is never used', async () => {
    const { path } = await get({ url: oci(':v1') })
    await reopen()
    writeFileSync(path, emptyModule('bad'))
    const module = await get({ url: oci(':v1') })
    assert.equal(module.fromCache, false)
    assert.deepEqual(readFileSync(module.path), bytes1)
  })

  it('a module in use is not purged, and neither is one that another process uses', async () => {
    const held = await cache.get({ url: oci(':v1'), resourceName: 'a' })
    assert.equal(await cache.purge(Date.now() + 25 * 3_600_000), 0)
    held.release()
    const other = await new ModuleCache({ dir }).open()
    const theirs = await other.get({ url: oci(':v1'), resourceName: 'b' })
    utimesSync(theirs.path, 0, 0)
    await other.purge() // renews its leases
    assert.equal(await cache.purge(), 0)
    theirs.release()
    utimesSync(theirs.path, 0, 0)
    assert.equal(await cache.purge(), 1)
    other.close()
  })

  it('the longest unused go first when there is too much', async () => {
    const one = await get({ url: oci(':v1') })
    const two = await get({ url: oci(':v2') })
    utimesSync(one.path, 1, 1)
    utimesSync(two.path, 2, 2)
    await reopen({ maxBytes: bytes1.length, expiryMs: Number.MAX_SAFE_INTEGER })
    assert.equal(await cache.purge(), 1)
    assert.deepEqual(readdirSync(join(dir, 'modules')), [`${two.sha256}.wasm`])
  })

  it('a module pulled with a secret is not handed to who has another', async () => {
    const users = { ann: 'pw' }
    const guarded = await startRegistry({ dir: join(dir, 'guarded'), port: 0, auth: { users } })
    const secret = (password: string) => JSON.stringify({ auths: { [guarded.address]: { username: 'ann', password } } })
    const url = `oci://${guarded.address}/private:v1`
    await pushWasmImage({ ref: url, wasm: bytes1, credentials: fromDockerConfigJson(secret('pw')) })
    await get({ url, pullSecret: secret('pw') })
    assert.equal((await get({ url, pullSecret: secret('pw') })).fromCache, true)
    await assert.rejects(get({ url, pullSecret: secret('guess') }), { code: 'SL3004' })
    await assert.rejects(get({ url, pullSecret: '{"auths":{}}' }), { code: 'SL3004' })
    await assert.rejects(get({ url, pullSecret: 'null' }), { code: 'SL3020' })
    await guarded.close()
  })

  it('a signature is asked for once for each key, and counted', async () => {
    const [theirs, other] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')]
    const signed = `${ref}:signed`
    await pushWasmImage({ ref: signed, wasm: emptyModule('signed'), credentials: anonymous })
    const privatePem = theirs.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    await signReference(signed, privatePem, { credentials: anonymous })
    const by = ({ publicKey }: typeof theirs) => publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const request = { url: `oci://${signed}` }
    await get(request)
    await assert.rejects(get({ ...request, verificationKey: by(other) }), { code: 'SL3026' })
    assert.equal(metric('istio_agent_wasm_remote_fetch_count{result="signature_failure"}'), 1)
    await get({ ...request, verificationKey: by(theirs) })
    const before = visits()
    assert.equal((await get({ ...request, verificationKey: by(theirs) })).fromCache, true)
    assert.equal(visits(), before)
    assert.equal(metric('sluice_agent_wasm_verifications_total{result="failure"}'), 1)
    assert.equal(metric('sluice_agent_wasm_verifications_total{result="success"}'), 1)
    assert.equal(metric('sluice_agent_wasm_fetches_in_flight'), 0)
    assert.equal(metric('sluice_agent_wasm_fetched_bytes_total'), emptyModule('signed').length)
  })

  it('two processes that share a folder pull once', async () => {
    const other = await new ModuleCache({ dir }).open()
    const before = visits()
    const request = { url: oci(':v2'), resourceName: 'x' }
    const modules = await Promise.all([cache.get(request), other.get(request)])
    assert.equal(modules[0].path, modules[1].path)
    assert.equal(visits() - before, 2)
    other.close()
  })
})
