import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { SluiceError } from '../../errors.ts'
import { sha256Digest } from '../digest.ts'
import { MediaType } from '../media-types.ts'
import { type RegistryServer, startRegistry } from './index.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-registry-'))
let registry: RegistryServer
let base: string

before(async () => {
  registry = await startRegistry({ dir, port: 0 })
  base = `http://${registry.address}`
})
after(async () => {
  await registry.close()
  rmSync(dir, { recursive: true })
})

const call = (path: string, init: RequestInit = {}) => fetch(path.startsWith('http') ? path : base + path, init)

async function errorOf(response: Response): Promise<string> {
  return ((await response.json()) as { errors: { code: string }[] }).errors[0].code
}

async function pushBlob(name: string, content: string): Promise<{ digest: string; size: number }> {
  const digest = sha256Digest(content)
  const response = await call(`/v2/${name}/blobs/uploads/?digest=${digest}`, { method: 'POST', body: content })
  assert.equal(response.status, 201)
  return { digest, size: Buffer.byteLength(content) }
}

async function pushManifest(name: string, tag: string, extra: object = {}): Promise<string> {
  const config = { mediaType: MediaType.ociConfig, ...(await pushBlob(name, '{}')) }
  const layer = { mediaType: MediaType.ociLayerGzip, ...(await pushBlob(name, `layer of ${tag}`)) }
  const body = JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociManifest, config, layers: [layer], ...extra })
  const response = await putManifest(name, tag, body)
  assert.equal(response.status, 201, await response.clone().text())
  return sha256Digest(body)
}

const putManifest = (name: string, reference: string, body: string, type: string = MediaType.ociManifest) =>
  call(`/v2/${name}/manifests/${reference}`, { method: 'PUT', headers: { 'content-type': type }, body })

describe('pull and push (distribution spec 1.1)', () => {
  it('answers the version check', async () => {
    const response = await call('/v2/')
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('docker-distribution-api-version'), 'registry/2.0')
  })

  it('takes a blob by POST then PUT', async () => {
    const begun = await call('/v2/a/b/blobs/uploads/', { method: 'POST' })
    assert.equal(begun.status, 202)
    const digest = sha256Digest('hello')
    const done = await call(`${base}${begun.headers.get('location')}?digest=${digest}`, {
      method: 'PUT',
      body: 'hello',
    })
    assert.equal(done.status, 201)
    assert.equal(done.headers.get('docker-content-digest'), digest)
    const got = await call(`${done.headers.get('location')}`)
    assert.equal(await got.text(), 'hello')
  })

  it('takes a blob in chunks and refuses one out of order', async () => {
    const begun = await call('/v2/a/b/blobs/uploads/', { method: 'POST' })
    const location = begun.headers.get('location')!
    const patch = (body: string, range: string) =>
      call(location, { method: 'PATCH', headers: { 'content-range': range }, body })
    const first = await patch('abc', '0-2')
    assert.equal(first.status, 202)
    assert.equal(first.headers.get('range'), '0-2')
    assert.equal((await patch('xyz', '5-7')).status, 416)
    assert.equal((await call(location)).headers.get('range'), '0-2')
    assert.equal((await patch('def', '3-5')).status, 202)
    const done = await call(`${location}?digest=${sha256Digest('abcdef')}`, { method: 'PUT' })
    assert.equal(done.status, 201)
    assert.equal((await call(location)).status, 404, 'a finished upload is gone')
  })

  it('refuses content that has another digest, and keeps nothing of it', async () => {
    const digest = sha256Digest('promised')
    const response = await call(`/v2/a/b/blobs/uploads/?digest=${digest}`, { method: 'POST', body: 'delivered' })
    assert.equal(response.status, 400)
    assert.equal(await errorOf(response), 'DIGEST_INVALID')
    assert.equal((await call(`/v2/a/b/blobs/${digest}`, { method: 'HEAD' })).status, 404)
    assert.deepEqual(readdirSync(join(dir, 'uploads')), [])
  })

  it('mounts a blob from another repository, and begins an upload where it cannot', async () => {
    const { digest } = await pushBlob('mount/from', 'shared')
    assert.equal((await call(`/v2/mount/to/blobs/${digest}`)).status, 404, 'one repository does not show another’s')
    const url = `/v2/mount/to/blobs/uploads/?mount=${digest}&from=mount/from`
    assert.equal((await call(url, { method: 'POST' })).status, 201)
    assert.equal(await (await call(`/v2/mount/to/blobs/${digest}`)).text(), 'shared')
    const absent = `/v2/mount/to/blobs/uploads/?mount=${sha256Digest('none')}&from=mount/from`
    assert.equal((await call(absent, { method: 'POST' })).status, 202)
  })

  it('serves ranges of a blob', async () => {
    const { digest } = await pushBlob('a/b', '0123456789')
    const range = async (value: string) => {
      const response = await call(`/v2/a/b/blobs/${digest}`, { headers: { range: value } })
      return [response.status, response.headers.get('content-range'), await response.text()]
    }
    assert.deepEqual(await range('bytes=2-4'), [206, 'bytes 2-4/10', '234'])
    assert.deepEqual(await range('bytes=7-'), [206, 'bytes 7-9/10', '789'])
    assert.deepEqual(await range('bytes=-2'), [206, 'bytes 8-9/10', '89'])
    assert.equal((await range('bytes=10-'))[0], 416)
  })

  it('serves a manifest by tag and by digest, with GET and HEAD', async () => {
    const digest = await pushManifest('a/b', 'v1')
    for (const reference of ['v1', digest, encodeURIComponent(digest)]) {
      const got = await call(`/v2/a/b/manifests/${reference}`)
      assert.equal(got.headers.get('content-type'), MediaType.ociManifest)
      assert.equal(sha256Digest(await got.text()), digest)
      const head = await call(`/v2/a/b/manifests/${reference}`, { method: 'HEAD' })
      assert.equal(head.headers.get('docker-content-digest'), digest)
    }
    const missing = await call('/v2/a/b/manifests/v404')
    assert.equal(missing.status, 404)
    assert.equal(await errorOf(missing), 'MANIFEST_UNKNOWN')
  })

  it('refuses manifests that are none, or whose blobs it does not hold', async () => {
    const descriptor = { mediaType: 'x/y', digest: sha256Digest('absent'), size: 6 }
    const cases: [string, string, number, string][] = [
      ['not JSON', '{', 400, 'MANIFEST_INVALID'],
      ['schema 1', '{"schemaVersion":1}', 400, 'MANIFEST_INVALID'],
      ['bad layers', '{"schemaVersion":2,"layers":[{}]}', 400, 'MANIFEST_INVALID'],
      ['two types', `{"schemaVersion":2,"mediaType":"${MediaType.ociIndex}"}`, 400, 'MANIFEST_INVALID'],
      ['absent layer', JSON.stringify({ schemaVersion: 2, layers: [descriptor] }), 404, 'MANIFEST_BLOB_UNKNOWN'],
      ['absent child', JSON.stringify({ schemaVersion: 2, manifests: [descriptor] }), 404, 'MANIFEST_BLOB_UNKNOWN'],
    ]
    for (const [name, body, status, code] of cases) {
      const response = await putManifest('a/b', 'bad', body)
      assert.deepEqual([response.status, await errorOf(response)], [status, code], name)
    }
    const wrong = await putManifest('a/b', sha256Digest('other'), '{"schemaVersion":2}')
    assert.equal(await errorOf(wrong), 'DIGEST_INVALID')
    const large = await putManifest('a/b', 'large', `{"schemaVersion":2,"x":"${'x'.repeat(4 << 20)}"}`)
    assert.equal(large.status, 413)
  })

  it('refuses names, tags and digests outside their grammar', async () => {
    for (const [path, code] of [
      ['/v2/Upper/manifests/v1', 'NAME_INVALID'],
      ['/v2/a/_blobs/manifests/v1', 'NAME_INVALID'],
      ['/v2/a%2f..%2fb/manifests/v1', 'NAME_INVALID'],
      ['/v2/a/b/manifests/.hidden', 'TAG_INVALID'],
      ['/v2/a/b/blobs/sha256:12', 'DIGEST_INVALID'],
      ['/v2/a/b/blobs/..%2f..%2fx', 'DIGEST_INVALID'],
    ]) {
      const response = await call(path)
      assert.deepEqual([response.status, await errorOf(response)], [400, code], path)
    }
  })
})

describe('content discovery and management', () => {
  it('lists tags in pages', async () => {
    for (const tag of ['c', 'a', 'b']) await pushManifest('tags', tag)
    assert.deepEqual(await (await call('/v2/tags/tags/list')).json(), { name: 'tags', tags: ['a', 'b', 'c'] })
    const first = await call('/v2/tags/tags/list?n=2')
    assert.deepEqual(((await first.json()) as { tags: string[] }).tags, ['a', 'b'])
    const next = /<(.*)>; rel="next"/.exec(first.headers.get('link') ?? '')?.[1]
    assert.deepEqual(((await (await call(next!)).json()) as { tags: string[] }).tags, ['c'])
    assert.equal(await errorOf(await call('/v2/nowhere/tags/list')), 'NAME_UNKNOWN')
  })

  it('lists repositories', async () => {
    const { repositories } = (await (await call('/v2/_catalog')).json()) as { repositories: string[] }
    assert.ok(repositories.includes('a/b') && repositories.includes('tags'))
    assert.deepEqual(repositories, [...repositories].sort())
  })

  it('lists referrers, filters by artifact type, and forgets deleted ones', async () => {
    const digest = await pushManifest('ref', 'v1')
    const empty = await call(`/v2/ref/referrers/${digest}`)
    assert.equal(empty.headers.get('content-type'), MediaType.ociIndex)
    assert.deepEqual(((await empty.json()) as { manifests: unknown[] }).manifests, [])
    const subject = { mediaType: MediaType.ociManifest, digest, size: 1 }
    const annotations = { by: 'test' }
    const referrer = await pushManifest('ref', 'sig', { subject, artifactType: 'a/sig', annotations })
    await pushManifest('ref', 'sbom', { subject, artifactType: 'a/sbom' })
    const all = (await (await call(`/v2/ref/referrers/${digest}`)).json()) as { manifests: { digest: string }[] }
    assert.equal(all.manifests.length, 2)
    const filtered = await call(`/v2/ref/referrers/${digest}?artifactType=a/sig`)
    assert.equal(filtered.headers.get('oci-filters-applied'), 'artifactType')
    const [only] = ((await filtered.json()) as { manifests: Record<string, unknown>[] }).manifests
    assert.deepEqual([only['digest'], only['artifactType'], only['annotations']], [referrer, 'a/sig', annotations])
    assert.equal((await call(`/v2/ref/manifests/${referrer}`, { method: 'DELETE' })).status, 202)
    const left = (await (await call(`/v2/ref/referrers/${digest}`)).json()) as { manifests: unknown[] }
    assert.equal(left.manifests.length, 1)
  })

  it('deletes tags, manifests with their tags, and blobs', async () => {
    const digest = await pushManifest('del', 'one')
    assert.equal((await call('/v2/del/manifests/one', { method: 'DELETE' })).status, 202)
    assert.equal((await call('/v2/del/manifests/one')).status, 404)
    assert.equal((await call(`/v2/del/manifests/${digest}`)).status, 200)
    await pushManifest('del', 'two')
    const two = (await call('/v2/del/manifests/two', { method: 'HEAD' })).headers.get('docker-content-digest')
    assert.equal((await call(`/v2/del/manifests/${two}`, { method: 'DELETE' })).status, 202)
    assert.deepEqual(((await (await call('/v2/del/tags/list')).json()) as { tags: string[] }).tags, [])
    const blob = sha256Digest('{}')
    assert.equal((await call(`/v2/del/blobs/${blob}`, { method: 'DELETE' })).status, 202)
    assert.equal((await call(`/v2/del/blobs/${blob}`)).status, 404)
    assert.equal((await call(`/v2/a/b/blobs/${blob}`)).status, 200, 'other repositories keep theirs')
  })
})

describe('the server', () => {
  it('keeps its content over a restart and drops half uploads and what nothing links to', async () => {
    const own = mkdtempSync(join(tmpdir(), 'sluice-registry-'))
    const first = await startRegistry({ dir: own, port: 0 })
    base = `http://${first.address}`
    const digest = await pushManifest('keep', 'v1')
    const { digest: dropped } = await pushBlob('keep', 'to be dropped')
    await call(`/v2/keep/blobs/${dropped}`, { method: 'DELETE' })
    await first.close()
    writeFileSync(join(own, 'uploads', 'half'), 'half')
    const second = await startRegistry({ dir: own, port: 0 })
    base = `http://${second.address}`
    assert.equal((await call('/v2/keep/manifests/v1')).headers.get('docker-content-digest'), digest)
    assert.deepEqual(readdirSync(join(own, 'uploads')), [])
    const files = readdirSync(join(own, 'blobs'), { recursive: true }).map(String)
    assert.ok(!files.some((file) => file.endsWith(dropped.slice(7))))
    await second.close()
    rmSync(own, { recursive: true })
    base = `http://${registry.address}`
  })

  it('asks for credentials where it has users', async () => {
    const own = mkdtempSync(join(tmpdir(), 'sluice-registry-'))
    const auth = { users: { ann: 'secret' }, anonymousPull: true }
    const guarded = await startRegistry({ dir: own, port: 0, auth })
    const url = `http://${guarded.address}/v2/x/blobs/uploads/`
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
    const refused = await fetch(url, { method: 'POST' })
    assert.equal(refused.status, 401)
    assert.match(refused.headers.get('www-authenticate') ?? '', /^Basic realm=/)
    assert.equal(await errorOf(refused), 'UNAUTHORIZED')
    for (const [text, status] of [
      ['ann:secret', 202],
      ['ann:wrong', 401],
      ['toString:x', 401],
      ['ann', 401],
    ] as const) {
      assert.equal((await fetch(url, { method: 'POST', headers: basic(text) })).status, status, text)
    }
    assert.equal((await fetch(`http://${guarded.address}/v2/`)).status, 200)
    assert.equal((await fetch(`http://${guarded.address}/v2/`, { headers: basic('ann:wrong') })).status, 401)
    await guarded.close()
    rmSync(own, { recursive: true })
  })

  it('names the port that is taken', async () => {
    await assert.rejects(
      startRegistry({ dir, port: registry.port }),
      (error) => error instanceof SluiceError && error.code === 'SL6001' && error.message.includes(registry.address),
    )
  })
})
