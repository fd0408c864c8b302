import assert from 'node:assert/strict'
import { join } from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { create, fromBinary } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import { NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.ts'
import { TypedExtensionConfigSchema } from '../../gen/envoy/config/core/v3/extension_pb.ts'
import { RBACSchema } from '../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts'
import { WasmSchema } from '../../gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts'
import { FailurePolicy } from '../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { DeltaDiscoveryRequestSchema } from '../../gen/envoy/service/discovery/v3/discovery_pb.ts'
import { SluiceError } from '../errors.ts'
import {
  AdsClient,
  AdsServer,
  ConfigType,
  type ExtensionReport,
  memoryTransport,
  type Outcome,
  type Rejection,
  TypeUrl,
} from '../xds/index.ts'
import { cluster, until } from '../xds/testing.ts'
import { ModuleCache } from './cache/module-cache.ts'
import { AdsInterposer, type AdsInterposerOptions } from './interposer.ts'
import {
  emptyModule,
  type RemoteExtension,
  remoteExtension,
  serve,
  type TestServer,
  temporaryFolder,
  typedExtension,
} from './testing.ts'
import type { Trial } from './trial/trial.ts'

const node = create(NodeSchema, { id: 'router~127.0.0.1~gw~istio-system' })

/** What the proxy was given for an extension, in words. */
function describeConfig(any: Any): string {
  const { typedConfig } = fromBinary(TypedExtensionConfigSchema, any.value)
  if (typedConfig?.typeUrl === ConfigType.httpRbac) {
    return fromBinary(RBACSchema, typedConfig.value).rules === undefined ? 'allow' : 'deny'
  }
  if (typedConfig?.typeUrl !== ConfigType.httpWasm) return typedConfig?.typeUrl ?? 'nothing'
  const vm = fromBinary(WasmSchema, typedConfig.value).config?.vm.value
  const source = vm?.code?.specifier.case === 'local' ? vm.code.specifier.value.specifier : undefined
  const env = Object.keys(vm?.environmentVariables?.keyValues ?? {}).join()
  return source?.case === 'filename'
    ? `file ${source.value.replace(/.*\//, '').slice(0, 6)}${env && ` env ${env}`}`
    : 'remote'
}

class World {
  readonly folder = temporaryFolder()
  readonly acks: Outcome[] = []
  readonly nacks: Rejection[] = []
  reports: readonly ExtensionReport[] = []
  /** Everything the proxy got, in order, as `name: config`. */
  readonly seen: string[] = []
  readonly others: string[] = []
  reject: ((name: string, what: string) => string | undefined) | undefined
  readonly server = new AdsServer({
    onAck: (outcome) => this.acks.push(outcome),
    onNack: (rejection) => this.nacks.push(rejection),
    onReports: (_, reports) => {
      this.reports = reports
    },
  })
  cache!: ModuleCache
  interposer!: AdsInterposer
  client!: AdsClient
  #version = 0

  async start(names: string[], options: Partial<AdsInterposerOptions> = {}): Promise<this> {
    const http = { attempts: 1, attemptMs: 5000 }
    const registries = { retry: { attempts: 1, initialMs: 1, maxMs: 1 } }
    this.cache = await new ModuleCache({ dir: join(this.folder.path, 'cache'), http, registries }).open()
    this.interposer = new AdsInterposer({
      upstream: memoryTransport(this.server),
      cache: this.cache,
      stateDir: this.folder.path,
      heal: { initialMs: 20, maxMs: 50 },
      ...options,
    })
    this.connect(names)
    return this
  }

  connect(names: string[]): void {
    this.client = new AdsClient({ transport: this.interposer.transport, node })
      .handle(TypeUrl.extension, (resources) => {
        const refused = []
        for (const { name, resource } of resources) {
          const what = describeConfig(resource)
          const reason = this.reject?.(name, what)
          if (reason !== undefined) refused.push({ name, reason })
          this.seen.push(`${name}: ${what}`)
        }
        return refused
      })
      .handle(TypeUrl.cluster, (resources) => {
        this.others.push(...resources.map(({ name }) => name))
        return []
      })
    this.client.subscribe(TypeUrl.extension, names)
    this.client.subscribe(TypeUrl.cluster)
    this.client.start()
  }

  push(extensions: Record<string, RemoteExtension | Any>, clusters: string[] = []): string {
    const version = `v${++this.#version}`
    const resources = Object.entries(extensions).map(
      ([name, one]) => [name, '$typeName' in one ? one : remoteExtension(name, one)] as const,
    )
    const named = clusters.map((name) => [name, cluster(name)] as const)
    this.server.setSnapshot(
      node.id,
      { [TypeUrl.extension]: new Map(resources), [TypeUrl.cluster]: new Map(named) },
      version,
    )
    return version
  }

  report(name: string): ExtensionReport | undefined {
    return this.reports.find((report) => report.name === name)
  }

  stop(): void {
    this.client.close()
    this.interposer.close()
    this.cache.close()
    this.server.close()
    this.folder.remove()
  }
}

let world = new World()
const servers: TestServer[] = []
afterEach(async () => {
  world.stop()
  for (const server of servers.splice(0)) await server.close()
})

/** Answers by path; a path that is not named is answered by whoever releases it. */
async function moduleServer(statuses: Record<string, number | (() => Promise<number>)>) {
  const server = await serve((request, response) => {
    const status = statuses[request.url ?? ''] ?? 404
    void (async () => {
      response.statusCode = typeof status === 'number' ? status : await status()
      response.end(response.statusCode === 200 ? emptyModule(request.url!) : '')
    })()
  })
  servers.push(server)
  return server
}

const file = (name: string, suffix = '') => new RegExp(`^${name}: file [0-9a-f]{6}${suffix}$`)

/** Istio's TestECDSWasmConversion (xds_proxy_test.go), and what Istio's agent does not do. */
describe('AdsInterposer', () => {
  it('turns remote code into a local file, strips the notes, and reports it ready', async () => {
    world = new World()
    const http = await moduleServer({ '/a.wasm': 200 })
    const env = {
      ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: '7',
      ISTIO_META_WASM_IMAGE_PULL_SECRET: '{}',
      ISTIO_META_MADE_UP: 'x',
      USER: 'y',
    }
    world.push({ a: { url: `${http.url}/a.wasm`, env } }, ['c'])
    await world.start(['a'])
    await until(() => world.report('a')?.state === 'ready', 'ready')
    assert.match(world.seen.join(), file('a', ' env USER'))
    assert.deepEqual(world.others, ['c'])
    assert.equal(world.report('a')?.resourceVersion, '7')
    assert.equal(world.report('a')?.fromCache, false)
    assert.match(world.report('a')?.digest ?? '', /^sha256:[0-9a-f]{64}$/)
    await until(() => world.acks.some(({ typeUrl }) => typeUrl === TypeUrl.extension), 'ACK')
    assert.deepEqual(world.nacks, [])
  })

  it('a registry that asks for patience is left in peace, in the background too', async () => {
    world = new World()
    const server = await serve((_, response) => response.writeHead(429, { 'retry-after': '3600' }).end())
    servers.push(server)
    world.push({ a: { url: `${server.url}/a.wasm` }, b: { url: `oci://${server.host}/b:v1` } })
    await world.start(['a', 'b'], { heal: { initialMs: 1, maxMs: 2 } })
    for (const name of ['a', 'b']) await until(() => world.report(name)?.state === 'failed', name)
    assert.deepEqual([world.report('a')?.code, world.report('b')?.code], ['SL3007', 'SL3007'])
    // Many times the pause that it would make of its own.
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.deepEqual(server.requests.toSorted(), ['/a.wasm', '/v2/b/manifests/v1'])
  })

  it('a slow fetch delays nothing but itself, and what was fetched comes when it is ready', async () => {
    world = new World()
    const slow = Promise.withResolvers<number>()
    const http = await moduleServer({ '/fast': 200, '/slow': () => slow.promise })
    world.push({ slow: { url: `${http.url}/slow` }, fast: { url: `${http.url}/fast` } })
    await world.start(['slow', 'fast'], { ackHoldMs: 30 })
    await until(() => world.report('fast')?.state === 'ready', 'the fast one')
    await until(() => world.report('slow')?.state === 'fetching', 'fetching')
    assert.deepEqual(
      world.seen.filter((line) => line.startsWith('slow')),
      [],
      'FAIL_CLOSE keeps its listener warming',
    )
    assert.deepEqual(world.interposer.notReady(), ['slow'])
    await until(() => world.acks.some(({ names }) => names.includes('slow')), 'the ACK does not wait for ever')
    slow.resolve(200)
    await until(() => world.report('slow')?.state === 'ready', 'the slow one')
    assert.equal(world.seen.length, 2)
    assert.deepEqual(world.interposer.notReady(), [])
  })

  it('FAIL_OPEN holds its listener for the grace only, then passes, then runs', async () => {
    world = new World()
    const slow = Promise.withResolvers<number>()
    const http = await moduleServer({ '/slow': () => slow.promise })
    world.push({ a: { url: `${http.url}/slow`, policy: FailurePolicy.FAIL_OPEN } })
    await world.start(['a'], { openGraceMs: 20 })
    await until(() => world.seen.length === 1, 'the fallback')
    assert.deepEqual(world.seen, ['a: allow'])
    await until(() => world.report('a')?.state === 'fetching', 'fetching')
    slow.resolve(200)
    await until(() => world.report('a')?.state === 'ready', 'ready')
    assert.match(world.seen[1], file('a'))
  })

  for (const [policy, fallback, says] of [
    [FailurePolicy.FAIL_CLOSED, 'deny', /requests are denied/],
    [FailurePolicy.FAIL_RELOAD, 'deny', /requests are denied/],
    [FailurePolicy.FAIL_OPEN, 'allow', /requests pass without it/],
  ] as const) {
    it(`a fetch that fails under policy ${policy} means ${fallback}, is ACKed, reported, and heals by itself`, async () => {
      world = new World()
      let status = 404
      const http = await moduleServer({ '/a': async () => status })
      world.push({ a: { url: `${http.url}/a`, policy } })
      await world.start(['a'])
      await until(() => world.report('a')?.state === 'failed', 'failed')
      assert.deepEqual(world.seen, [`a: ${fallback}`])
      assert.equal(world.report('a')?.code, 'SL3006')
      assert.match(world.report('a')?.message ?? '', says)
      await until(() => world.acks.some(({ typeUrl }) => typeUrl === TypeUrl.extension), 'ACK')
      status = 200
      await until(() => world.report('a')?.state === 'ready', 'healed')
      assert.match(world.seen.at(-1)!, file('a'))
      assert.deepEqual(world.nacks, [])
    })
  }

  it('keeps the last good module when an update fails, and says both', async () => {
    world = new World()
    const http = await moduleServer({ '/v1': 200, '/v3': 200 })
    world.push({ a: { url: `${http.url}/v1` } })
    await world.start(['a'])
    await until(() => world.report('a')?.state === 'ready', 'ready')
    const good = world.report('a')?.digest
    world.push({ a: { url: `${http.url}/v2` } })
    await until(() => world.report('a')?.state === 'failed', 'failed')
    assert.equal(world.seen.filter((line) => !file('a').test(line)).length, 0, 'the proxy never sees a fallback')
    assert.equal(world.report('a')?.digest, good)
    assert.match(world.report('a')?.message ?? '', new RegExp(`the last good module ${good} keeps running`))
    assert.deepEqual(world.interposer.notReady(), [])
    world.push({ a: { url: `${http.url}/v3` } })
    await until(() => world.report('a')?.state === 'ready', 'ready again')
    assert.notEqual(world.report('a')?.digest, good)
  })

  it('an older fetch that ends later never overtakes a newer one', async () => {
    world = new World()
    const old = Promise.withResolvers<number>()
    const http = await moduleServer({ '/old': () => old.promise, '/new': 200 })
    world.push({ a: { url: `${http.url}/old` } })
    await world.start(['a'])
    await until(() => http.requests.includes('/old'), 'the old fetch')
    world.push({ a: { url: `${http.url}/new` } })
    await until(() => world.report('a')?.state === 'ready', 'ready')
    const digest = world.report('a')?.digest
    old.resolve(200)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(world.seen.length, 1)
    assert.equal(world.report('a')?.digest, digest)
  })

  it('a trial that fails gives its own reason, the fallback on first start, and is not tried for ever', async () => {
    world = new World()
    const http = await moduleServer({ '/a': 200 })
    let trials = 0
    const trial: Trial = async () => {
      trials++
      throw new SluiceError('SL3024', 'proxy_on_configure refused')
    }
    world.push({ a: { url: `${http.url}/a` } })
    await world.start(['a'], { trial })
    await until(() => world.report('a')?.state === 'failed', 'failed')
    assert.deepEqual(world.seen, ['a: deny'])
    assert.match(world.report('a')?.message ?? '', /proxy_on_configure refused; requests are denied/)
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal(trials, 1)
  })

  it('a trial that did not come to its end is tried again', async () => {
    world = new World()
    const http = await moduleServer({ '/a': 200 })
    let trials = 0
    const trial: Trial = async () => {
      if (trials++ === 0) throw new SluiceError('SL3033', 'it did not start within 10 s')
    }
    world.push({ a: { url: `${http.url}/a` } })
    await world.start(['a'], { trial })
    await until(() => world.report('a')?.state === 'ready', 'ready')
    assert.equal(trials, 2)
  })

  it('one structural error NACKs the whole response, and nothing of it reaches the proxy', async () => {
    world = new World()
    const http = await moduleServer({ '/a': 200 })
    world.push({ a: { url: `${http.url}/a` }, b: typedExtension('b', undefined) })
    await world.start(['a', 'b'])
    await until(() => world.nacks.length === 1, 'NACK')
    assert.match(world.nacks[0].error, /b has no typed config/)
    assert.deepEqual(world.seen, [])
    world.push({ a: { url: `${http.url}/a` }, b: { url: `${http.url}/a` } })
    await until(() => world.seen.length > 0, 'the mended one')
  })

  it('what the proxy refuses falls back alone, and the control plane is told why', async () => {
    world = new World()
    world.reject = (name, what) => (name === 'bad' && what.startsWith('file') ? 'no such import' : undefined)
    const http = await moduleServer({ '/a': 200, '/b': 200 })
    world.push({ good: { url: `${http.url}/a` }, bad: { url: `${http.url}/b` } })
    await world.start(['good', 'bad'])
    await until(() => world.report('bad')?.state === 'failed' && world.report('good')?.state === 'ready', 'both')
    assert.equal(world.report('bad')?.code, 'SL3029')
    assert.match(world.report('bad')?.message ?? '', /no such import/)
    await until(() => world.seen.includes('bad: deny'), 'the fallback')
    await until(() => world.nacks.length === 1, 'NACK')
    assert.match(world.nacks[0].error, /bad: .*no such import/)
  })

  it('a proxy that connects again gets what it had, without another fetch', async () => {
    world = new World()
    const http = await moduleServer({ '/a': 200 })
    world.push({ a: { url: `${http.url}/a` } })
    await world.start(['a'])
    await until(() => world.report('a')?.state === 'ready', 'ready')
    world.client.close()
    world.connect(['a'])
    await until(() => world.seen.length === 2, 'again')
    assert.equal(world.seen[0], world.seen[1])
    assert.deepEqual(http.requests, ['/a'])
  })

  it('names that come later are fetched, and names that go are forgotten', async () => {
    world = new World()
    const http = await moduleServer({ '/a': 200, '/b': 200 })
    world.push({ a: { url: `${http.url}/a` }, b: { url: `${http.url}/b` } })
    await world.start(['a'])
    await until(() => world.report('a')?.state === 'ready', 'a')
    world.client.subscribe(TypeUrl.extension, ['b'])
    await until(() => world.report('b')?.state === 'ready', 'b')
    world.client.unsubscribe(TypeUrl.extension, ['a'])
    await until(() => world.report('a') === undefined, 'a gone')
    assert.deepEqual(http.requests, ['/a', '/b'])
  })

  it('a new stream that asks for its extensions bit by bit loses no last good module', async () => {
    world = new World()
    const http = await moduleServer({ '/a': 200, '/b': 200 })
    world.push({ a: { url: `${http.url}/a` }, b: { url: `${http.url}/b` } })
    await world.start(['a', 'b'])
    await until(() => world.report('a')?.state === 'ready' && world.report('b')?.state === 'ready', 'ready')
    world.client.close()
    world.connect(['a'])
    await until(() => world.seen.length === 3, 'a again')
    world.client.subscribe(TypeUrl.extension, ['b'])
    await until(() => world.seen.length === 4, 'b again')
    assert.deepEqual(http.requests.toSorted(), ['/a', '/b'])
  })

  it('after a restart during an outage the last good module serves', async () => {
    world = new World()
    const http = await moduleServer({ '/a': 200 })
    const Always = { ISTIO_META_WASM_IMAGE_PULL_POLICY: 'Always' }
    const version = (text: string) => ({ ...Always, ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: text })
    world.push({ a: { url: `${http.url}/a`, env: version('1') } })
    await world.start(['a'])
    await until(() => world.report('a')?.state === 'ready', 'ready')
    const good = world.report('a')?.digest
    world.client.close()
    world.interposer.close()
    world.cache.close()
    await http.close()
    world.push({ a: { url: `${http.url}/a`, env: version('2') } })
    world.seen.length = 0
    await world.start(['a'])
    await until(() => world.report('a')?.state === 'failed', 'failed')
    assert.equal(world.report('a')?.digest, good)
    assert.match(world.seen.join(), file('a'))
    assert.deepEqual(world.interposer.notReady(), [])
  })
})

/** Istio's TestDeltaECDSWasmConversion (xds_proxy_delta_test.go). */
describe('AdsInterposer, delta', () => {
  it('rewrites, ACKs, removes and pushes what comes later', async () => {
    world = new World()
    const slow = Promise.withResolvers<number>()
    const http = await moduleServer({ '/fast': 200, '/slow': () => slow.promise })
    world.push({ slow: { url: `${http.url}/slow` }, fast: { url: `${http.url}/fast` } })
    await world.start([], { ackHoldMs: 30 })
    world.client.close()
    const stream = world.interposer.transport.connectDelta()
    const seen: string[] = []
    const removed: string[] = []
    stream.onMessage(({ typeUrl, nonce: responseNonce, resources, removedResources }) => {
      for (const { name, resource } of resources) seen.push(`${name}: ${describeConfig(resource!)}`)
      removed.push(...removedResources)
      stream.send(create(DeltaDiscoveryRequestSchema, { typeUrl, responseNonce }))
    })
    const resourceNamesSubscribe = ['slow', 'fast', 'none']
    const initialResourceVersions = { fast: 'v1' }
    stream.send(
      create(DeltaDiscoveryRequestSchema, {
        typeUrl: TypeUrl.extension,
        node,
        resourceNamesSubscribe,
        initialResourceVersions,
      }),
    )
    await until(() => seen.length === 1, 'the fast one')
    assert.match(seen[0], file('fast'))
    assert.deepEqual(removed, ['none'])
    slow.resolve(200)
    await until(() => world.report('slow')?.state === 'ready', 'the slow one')
    assert.match(seen[1], file('slow'))
    world.push({ slow: { url: `${http.url}/slow` } })
    await until(() => removed.includes('fast'), 'the removal')
    await until(() => world.report('fast') === undefined, 'its report gone')
    stream.close()
  })
})
