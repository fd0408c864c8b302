/** A real Envoy under the agent, with an extension shaped as an EnvoyFilter's (seed 003): remote code in a TypedStruct. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { create, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf'
import { type Any, AnySchema, anyPack } from '@bufbuild/protobuf/wkt'
import { TypedExtensionConfigSchema } from '../../gen/envoy/config/core/v3/extension_pb.ts'
import { ListenerSchema } from '../../gen/envoy/config/listener/v3/listener_pb.ts'
import { TypedStructSchema } from '../../gen/udpa/type/v1/typed_struct_pb.ts'
import { runEnvoy } from '../../src/agent/index.ts'
import { anonymous, pushWasmImage, startRegistry } from '../../src/oci/index.ts'
import { serveGrpc } from '../../src/xds/grpc-server.ts'
import { grpcTransport } from '../../src/xds/grpc-transport.ts'
import { AdsServer, registry, TypeUrl } from '../../src/xds/index.ts'
import { freePort } from '../free-ports.ts'
import { fetchText, limitedFetch } from '../limited-fetch.ts'
import { envoy, sharedModules } from '../peers/index.ts'
import { within } from '../within.ts'

const peer = await envoy()
const modules = await sharedModules()
const NODE = 'sidecar~127.0.0.1~app.default~default.svc.cluster.local'
const NAME = 'test.wasm'
const closers: (() => unknown)[] = []
after(async () => {
  for (const close of closers.reverse()) await close()
})

const WASM = 'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm'
const RBAC = 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC'

function listener(port: number): Any {
  const manager: JsonObject = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    statPrefix: 'test',
    routeConfig: {
      virtualHosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [
            {
              match: { prefix: '/' },
              directResponse: { status: 200, body: { inlineString: 'ok' } },
              responseHeadersToAdd: [{ header: { key: 'message', value: 'foo' } }],
            },
          ],
        },
      ],
    },
    httpFilters: [
      {
        name: NAME,
        configDiscovery: {
          configSource: { ads: {}, initialFetchTimeout: '0s', resourceApiVersion: 'V3' },
          typeUrls: [WASM, RBAC],
        },
      },
      {
        name: 'router',
        typedConfig: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  }
  const json: JsonObject = {
    name: 'test',
    address: { socketAddress: { address: '127.0.0.1', portValue: port } },
    filterChains: [{ filters: [{ name: 'hcm', typedConfig: manager }] }],
  }
  const value = toBinary(ListenerSchema, fromJson(ListenerSchema, json, { registry }))
  return create(AnySchema, { typeUrl: TypeUrl.listener, value })
}

/** pilot/pkg/xds/testdata/ecds.yaml of Istio in shape: what an EnvoyFilter with EXTENSION_CONFIG becomes. */
function extension(uri: string, policy: string): Any {
  const value: JsonObject = {
    config: {
      name: 'test',
      rootId: '',
      failurePolicy: policy,
      vmConfig: {
        runtime: 'envoy.wasm.runtime.v8',
        code: { remote: { httpUri: { uri, cluster: '_', timeout: '10s' } } },
        environmentVariables: { keyValues: { ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: '1' } },
      },
    },
  }
  const struct = anyPack(TypedStructSchema, create(TypedStructSchema, { typeUrl: WASM, value }))
  const typed = create(TypedExtensionConfigSchema, { name: NAME, typedConfig: struct })
  return create(AnySchema, { typeUrl: TypeUrl.extension, value: toBinary(TypedExtensionConfigSchema, typed) })
}

async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 15_000
  for (;;) {
    const found = await look().catch(() => undefined)
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`${what} did not happen`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

for (const delta of [true, false]) {
  test(`a real Envoy under the agent (${delta ? 'delta' : 'state of the world'})`, {
    skip: peer.skip || modules.skip,
  }, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'sluice-agent-envoy-'))
    closers.push(() => rm(dir, { recursive: true }))
    const store = await startRegistry({ dir: join(dir, 'registry'), port: 0 })
    closers.push(() => store.close())
    const wasm = readFileSync(join(modules.path, 'cpp-add-response-header.wasm'))
    const ref = `${store.address}/test/module`
    await pushWasmImage({ ref: `${ref}:v1`, wasm, format: 'docker', credentials: anonymous })

    const nacks: string[] = []
    const ads = new AdsServer({ onNack: ({ error }) => nacks.push(error) })
    const server = await serveGrpc(ads, '127.0.0.1', 0)
    closers.push(() => server.close())
    const port = await freePort()
    let version = 0
    const push = (uri: string, policy = 'FAIL_CLOSED') => {
      const resources = {
        [TypeUrl.listener]: new Map([['test', listener(port)]]),
        [TypeUrl.extension]: new Map([[NAME, extension(uri, policy)]]),
        [TypeUrl.cluster]: new Map(),
      }
      ads.setSnapshot(NODE, resources, String(++version))
    }
    push(`oci://${ref}:v1`)

    const running = await runEnvoy({
      command: [peer.path, '--concurrency', '1', '-l', 'error', '--drain-time-s', '1'],
      node: { id: NODE, cluster: 'test', metadata: {} },
      upstream: grpcTransport(`127.0.0.1:${server.port}`),
      cache: { dir: join(dir, 'cache') },
      status: { host: '127.0.0.1', port: 0 },
      heal: { initialMs: 50, maxMs: 100 },
      drainMs: 0,
      delta,
    })
    closers.push(() => within('the end of Envoy', running.stop()))
    const get = () => limitedFetch(`http://127.0.0.1:${port}/`)
    const status = `http://127.0.0.1:${running.agent.statusPort}`

    await eventually('the module’s header', async () =>
      (await get()).headers.get('message')?.includes('bar') ? true : undefined,
    )
    await eventually('readiness', async () =>
      (await limitedFetch(`${status}/healthz/ready`)).status === 200 ? true : undefined,
    )
    const page = await fetchText(`${status}/stats/prometheus`)
    assert.match(page, /^istio_agent_wasm_remote_fetch_count\{result="success"\} 1$/m)
    assert.match(page, /^envoy_server_live/m, 'Envoy’s own metrics are merged in')

    // A failed update keeps the last good module; what failed heals when the registry has it.
    push(`oci://${ref}:v2`)
    await eventually('the failure', async () => (running.agent.reports()[0]?.state === 'failed' ? true : undefined))
    assert.match((await get()).headers.get('message') ?? '', /bar/)
    await pushWasmImage({ ref: `${ref}:v2`, wasm, format: 'artifact', credentials: anonymous })
    await eventually('healing', async () => (running.agent.reports()[0]?.state === 'ready' ? true : undefined))
    const healed = await fetchText(`${status}/stats/prometheus`)
    assert.match(healed, /^sluice_agent_wasm_heals_total 1$/m)
    assert.deepEqual(nacks, [])

    assert.equal(await within('the end of Envoy', running.stop()), 0)
    await assert.rejects(get())
  })

  test(`a module that cannot be had (${delta ? 'delta' : 'state of the world'})`, { skip: peer.skip }, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'sluice-agent-envoy-'))
    closers.push(() => rm(dir, { recursive: true }))
    const nothing = createServer((_, response) => response.writeHead(404).end())
    await new Promise<void>((resolve) => nothing.listen(0, '127.0.0.1', resolve))
    closers.push(() => nothing.close())
    const ads = new AdsServer()
    const server = await serveGrpc(ads, '127.0.0.1', 0)
    closers.push(() => server.close())
    const port = await freePort()
    let version = 0
    const uri = `http://127.0.0.1:${(nothing.address() as AddressInfo).port}/x.wasm`
    const push = (policy: string) =>
      ads.setSnapshot(
        NODE,
        {
          [TypeUrl.listener]: new Map([['test', listener(port)]]),
          [TypeUrl.extension]: new Map([[NAME, extension(uri, policy)]]),
          [TypeUrl.cluster]: new Map(),
        },
        String(++version),
      )
    push('FAIL_CLOSED')
    const running = await runEnvoy({
      command: [peer.path, '--concurrency', '1', '-l', 'error'],
      node: { id: NODE, cluster: 'test', metadata: {} },
      upstream: grpcTransport(`127.0.0.1:${server.port}`),
      cache: { dir: join(dir, 'cache') },
      drainMs: 0,
      delta,
    })
    closers.push(() => within('the end of Envoy', running.stop()))
    const statusIs = (wanted: number) => async () =>
      (await limitedFetch(`http://127.0.0.1:${port}/`)).status === wanted ? true : undefined
    await eventually('403 (FAIL_CLOSE)', statusIs(403))
    assert.deepEqual(await running.agent.notReady(), [`extension ${NAME} is not running and its policy denies traffic`])
    push('FAIL_OPEN')
    await eventually('200 (FAIL_OPEN)', statusIs(200))
    await within('the end of Envoy', running.stop())
  })
}
