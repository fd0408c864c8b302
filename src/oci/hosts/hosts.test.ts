import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { RegistryClient } from '../client.ts'
import { anonymous } from '../credentials.ts'
import { HttpTransport } from '../http-transport.ts'
import { pushWasmImage } from '../push.ts'
import { parseReference } from '../reference.ts'
import { startRegistry } from '../registry/index.ts'
import { selfSigned, serveTls } from '../testing.ts'
import { hostsFrom } from './hosts-dir.ts'
import { parseHostsFile } from './hosts-file.ts'

const dir = mkdtempSync(join(tmpdir(), 'sluice-hosts-'))
const server = await selfSigned()
const client = await selfSigned()
const registry = await startRegistry({ dir: join(dir, 'registry'), port: 0 })
const WASM = Buffer.from('\0asm\x01\0\0\0', 'latin1')
const { digest } = await pushWasmImage({ ref: `${registry.address}/team/x:v1`, wasm: WASM, credentials: anonymous })
after(async () => {
  await registry.close()
  rmSync(dir, { recursive: true })
})

let count = 0

/** A folder in containerd's layout with these files. */
function folder(files: Record<string, string>): string {
  const root = join(dir, String(count++))
  mkdirSync(root)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return root
}

/** Asks for an image by the settings of a folder; gives its digest and where it was found. */
async function pull(ref: string, root: string, more: object = {}) {
  const transport = new HttpTransport()
  const retry = { attempts: 1, initialMs: 1, maxMs: 1 }
  const options = { credentials: anonymous, hosts: hostsFrom([root]), retry, ...more }
  try {
    const puller = new RegistryClient(parseReference(ref), transport, options)
    const manifest = await puller.manifest()
    for (const layer of manifest.manifest.layers ?? []) await puller.blob(layer, 1 << 20)
    return { digest: manifest.digest, source: puller.source }
  } finally {
    transport.close()
  }
}

/** A plain server in front of the registry that notes what it is asked; `refuse` gives a status in its place. */
async function proxy(refuse: (request: IncomingMessage) => number | undefined = () => undefined) {
  const requests: IncomingMessage[] = []
  const listener = createServer(async (request, response) => {
    requests.push(request)
    const status = refuse(request)
    if (status !== undefined) return response.writeHead(status).end()
    const path = request.url!.replace(/^.*?\/(?:v2|api)\//, '/v2/').replace(/\?.*/, '')
    const answer = await fetch(`http://${registry.address}${path}`, {
      headers: { accept: request.headers.accept ?? '' },
    })
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
    response.end(Buffer.from(await answer.arrayBuffer()))
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  listener.unref()
  after(() => listener.close())
  return { host: `127.0.0.1:${(listener.address() as AddressInfo).port}`, requests }
}

describe('hosts.toml of containerd', () => {
  it('is read whole', () => {
    const root = folder({ 'ca.crt': server.cert, 'both.pem': client.cert + client.key, 'client.key': client.key })
    const text = `
      server = "registry.test"
      capabilities = ["pull", "resolve"]
      ca = "ca.crt"
      [host."https://one.test:5000"]
        capabilities = ["pull"]
        client = [["both.pem", "client.key"], "both.pem"]
        [host."https://one.test:5000".header]
          X-Team = "a"
          x-more = ["b", "c"]
      [host."http://two.test/some/v2"]
        skip_verify = true
      [host."https://three.test/some/api/"]
        override_path = true
        ca = ["${join(root, 'ca.crt')}"]`
    const { hosts, server: last } = parseHostsFile(text, 'hosts.toml', root)
    assert.deepEqual(
      [...hosts, last].map(({ host, root: path, plainHttp, capabilities }) => [
        `${plainHttp ? 'http' : 'https'}://${host}${path}`,
        [...capabilities].join(),
      ]),
      [
        ['https://one.test:5000/v2', 'pull'],
        ['http://two.test/some/v2', 'pull,resolve,push'],
        ['https://three.test/some/api', 'pull,resolve,push'],
        ['https://registry.test/v2', 'pull,resolve'],
      ],
    )
    assert.deepEqual(hosts[0].own.headers, { 'x-team': ['a'], 'x-more': ['b', 'c'] })
    const pair = { cert: client.cert + client.key, key: client.key }
    assert.deepEqual(hosts[0].own.tls?.certificates, [pair, { cert: pair.cert, key: pair.cert }])
    assert.deepEqual([hosts[1].own.tls?.insecure, hosts[2].own.tls?.insecure], [true, false])
    assert.deepEqual([hosts[2].own.tls?.ca, last.own.tls?.ca], [[server.cert], [server.cert]])
  })

  const bad: [string, string, RegExp][] = [
    ['TOML', 'a', /hosts\.toml: line 1: «=» is missing/],
    ['an unknown key', '\nmirror = "a"', /hosts\.toml: line 2: mirror is not supported/],
    [
      'an unknown key of a host',
      '[host."https://a"]\ndial_timeout = "3s"',
      /line 2: host\."https:\/\/a"\.dial_timeout/,
    ],
    ['a capability', 'capabilities = ["pul"]', /line 1: capabilities knows pull, resolve and push, not «pul»/],
    ['a host without scheme', '[host."a.test"]', /line 1: host\."a\.test" must be https/],
    ['a host with a password', '[host."https://u:secret@a"]', /may have no user, password/],
    ['hosts that are no table', 'host = "a"', /line 1: host is no table/],
    ['a host that is no table', 'host = { "https://a" = true }', /is no table/],
    ['a flag', 'skip_verify = "yes"', /skip_verify must be true or false/],
    ['a CA that is not there', 'ca = "no.crt"', /ca names no\.crt, which cannot be read \(ENOENT\)/],
    ['a CA that is none', 'ca = ["key.pem"]', /ca names key\.pem, which holds no certificate/],
    ['a CA that is broken', 'ca = ["bad.crt"]', /ca names bad\.crt, which holds a certificate that cannot be read/],
    ['a key of another', 'client = [["ca.crt", "key.pem"]]', /client names key\.pem, which is not the key of ca\.crt/],
    ['a client without key', 'client = "ca.crt"', /client names ca\.crt, which holds no private key/],
    ['three files', 'client = [["a", "b", "c"]]', /client must be/],
    ['a header that breaks lines', 'header.x = "a\\nb"', /line 1: header\.x is no header that can be sent/],
    ['a header of HTTP itself', '[header]\nHost = "b"', /line 2: header\.Host is not for settings/],
  ]
  const files = { 'ca.crt': server.cert, 'key.pem': client.key, 'bad.crt': server.cert.replace(/\n\w{40}/, '\n') }
  const broken = folder(files)
  for (const [name, text, message] of bad) {
    it(`refuses ${name}`, () => {
      assert.throws(() => parseHostsFile(text, 'hosts.toml', broken), { code: 'SL3032', message })
    })
  }

  it('gives mirrors in their order, says which registry is meant, and ends at the server', async () => {
    const none = await proxy(() => 404)
    const good = await proxy()
    const text = `server = "http://127.0.0.1:1"\n[host."http://${none.host}"]\n[host."http://${good.host}/cache"]`
    for (const [name, ref, ns] of [
      ['docker.io', 'team/x:v1', 'docker.io'],
      ['r.test_5000_', 'r.test:5000/team/x:v1', 'r.test:5000'],
      ['r.test:5000', 'r.test:5000/team/x:v1', 'r.test:5000'],
      ['_default', 'other.test/team/x:v1', 'other.test'],
    ]) {
      none.requests.length = 0
      const pulled = await pull(ref, folder({ [`${name}/hosts.toml`]: text }))
      assert.deepEqual(pulled, { digest, source: `mirror ${good.host}/team/x` })
      const asked = none.requests.map(({ url }) => url)
      assert.deepEqual(asked, [`/v2/team/x/manifests/v1?ns=${encodeURIComponent(ns)}`], 'not asked again for blobs')
    }
    assert.match(good.requests[0].url!, /^\/cache\/v2\/team\/x\/manifests\/v1\?ns=/)
    const dead = folder({ '_default/hosts.toml': `server = "http://${none.host}"\n[host."http://127.0.0.1:1"]` })
    await assert.rejects(pull('a.test/b:v1', dead), {
      code: 'SL3006',
      message: /its mirror 127\.0\.0\.1:1 said: the registry or server cannot be reached/,
    })
  })

  it('a mirror without `resolve` is not asked what a tag means, one without `push` is never written to', async () => {
    const mirror = await proxy()
    const text = `server = "http://${registry.address}"\n[host."http://${mirror.host}"]\ncapabilities = ["pull"]`
    const root = folder({ 'r.test/hosts.toml': text })
    assert.deepEqual(await pull('r.test/team/x:v1', root), { digest, source: `mirror ${mirror.host}/team/x` })
    assert.ok(mirror.requests.length > 0)
    assert.ok(mirror.requests.every(({ url }) => url!.includes('/blobs/')))
    mirror.requests.length = 0
    await pushWasmImage({ ref: 'r.test/team/y:v1', wasm: WASM, credentials: anonymous, hosts: hostsFrom([root]) })
    assert.equal(mirror.requests.length, 0)
    const closed = folder({ 'r.test/hosts.toml': 'capabilities = ["pull"]' })
    await assert.rejects(pull('r.test/team/x:v1', closed), { code: 'SL3032', message: /capability «resolve»/ })
  })

  it('a mirror rule goes first, and one that is exclusive alone', async () => {
    const root = folder({ '_default/hosts.toml': 'server = "http://127.0.0.1:1"' })
    const mirrors = [{ prefix: 'r.test', endpoint: registry.address, plainHttp: true }]
    assert.equal((await pull('r.test/team/x:v1', root, { mirrors })).digest, digest)
    const exclusive = [{ ...mirrors[0], exclusive: true }]
    await assert.rejects(pull('r.test/none:v1', root, { mirrors: exclusive }), {
      code: 'SL3006',
      message: /MANIFEST_UNKNOWN [^;]*$/,
    })
  })

  it('headers and an overridden path', async () => {
    const mirror = await proxy()
    const text = `[host."http://${mirror.host}/x/api"]\noverride_path = true\nheader = { "X-Token" = "secret" }`
    await pull('r.test/team/x:v1', folder({ 'r.test/hosts.toml': text }))
    assert.match(mirror.requests[0].url!, /^\/x\/api\/team\/x\//)
    assert.ok(mirror.requests.every(({ headers }) => headers['x-token'] === 'secret'))
  })

  it('headers are not for the host of a redirect', async () => {
    const elsewhere = await proxy()
    const first = createServer((request, response) => {
      response.writeHead(307, { location: `http://${elsewhere.host}${request.url}` }).end()
    })
    await new Promise<void>((resolve) => first.listen(0, '127.0.0.1', resolve))
    after(() => first.close())
    const { port } = first.address() as AddressInfo
    const text = `[host."http://127.0.0.1:${port}"]\nheader = { x-token = "secret", authorization = "Basic c2VjcmV0" }`
    await pull('r.test/team/x:v1', folder({ 'r.test/hosts.toml': text }))
    assert.ok(elsewhere.requests.length > 0)
    assert.ok(elsewhere.requests.every(({ headers }) => !('x-token' in headers) && !('authorization' in headers)))
  })
})

describe('TLS of a host', () => {
  const manifest = JSON.stringify({ schemaVersion: 2, layers: [] })
  const start = async () => {
    const mutual = { ...server, requestCert: true, rejectUnauthorized: false, ca: [client.cert] }
    const one = await serveTls(mutual, (request, response) => {
      const { authorized } = request.socket as { authorized?: boolean }
      response.writeHead(authorized || request.url!.includes('/open/') ? 200 : 403).end(manifest)
    })
    after(() => one.close())
    return one.host
  }
  const files = { 'ca.crt': server.cert, 'a.cert': client.cert, 'a.key': client.key }
  const cases: [string, string, string, RegExp | undefined][] = [
    ['nothing', 'skip_verify = false', 'open', /SL3003.*certificate/],
    ['its authority', 'ca = "ca.crt"', 'open', undefined],
    ['skip_verify', 'skip_verify = true', 'open', undefined],
    ['no client certificate', 'ca = "ca.crt"', 'closed', /SL3005/],
    ['a client certificate', 'ca = "ca.crt"\nclient = [["a.cert", "a.key"]]', 'closed', undefined],
  ]
  for (const [name, settings, repository, refused] of cases) {
    it(name, async () => {
      const host = await start()
      const put = (text: string) =>
        Object.fromEntries(
          Object.entries({ ...files, 'hosts.toml': text }).map(([file, content]) => [`${host}/${file}`, content]),
        )
      const asked = pull(`${host}/${repository}/x:v1`, folder(put(settings)))
      if (refused === undefined) await asked
      else
        await assert.rejects(asked, (error: Error) =>
          refused.test(`${(error as { code?: string }).code} ${error.message}`),
        )
      const mirrored = `r.test/${repository}/x:v1`
      const text = `server = "http://127.0.0.1:1"\n[host."https://${host}"]\n${settings}`
      const root = folder({
        ...Object.fromEntries(Object.entries(files).map(([file, content]) => [`r.test/${file}`, content])),
        'r.test/hosts.toml': text,
      })
      if (refused === undefined) await pull(mirrored, root)
      else await assert.rejects(pull(mirrored, root))
    })
  }

  it('the certificates of Docker’s layout, without a hosts.toml', async () => {
    const host = await start()
    const put = (names: (keyof typeof files)[]) =>
      folder(Object.fromEntries(names.map((name) => [`${host}/${name}`, files[name]])))
    await pull(`${host}/closed/x:v1`, put(['ca.crt', 'a.cert', 'a.key']))
    await assert.rejects(pull(`${host}/closed/x:v1`, put(['ca.crt'])), { code: 'SL3005' })
    await assert.rejects(pull(`${host}/closed/x:v1`, put(['a.cert'])), {
      code: 'SL3032',
      message: /names a\.key, which cannot/,
    })
  })
})
