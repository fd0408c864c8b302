/** What the control plane makes is what a real Envoy runs, over both forms of the protocol. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Packer } from '../../src/control/envoy/config.ts'
import { generate } from '../../src/control/generate.ts'
import { meshOf } from '../../src/control/model/mesh.ts'
import { parseNode } from '../../src/control/model/workload.ts'
import type { KubeObject } from '../../src/kube/index.ts'
import { serveGrpc } from '../../src/xds/grpc-server.ts'
import type { Rejection } from '../../src/xds/index.ts'
import { AdsServer, shortType } from '../../src/xds/index.ts'
import { freePort } from '../free-ports.ts'
import { limitedFetch } from '../limited-fetch.ts'
import { envoy, sharedModules } from '../peers/index.ts'
import { type EnvoyProcess, eventually, startEnvoy } from './envoy.ts'

const peer = await envoy()
const modules = await sharedModules()
const closers: (() => unknown)[] = []
after(async () => {
  for (const close of closers.reverse()) await close()
})

const NODE = 'router~127.0.0.1~gw.istio-system~istio-system.svc.cluster.local'
const METADATA = { LABELS: { istio: 'ingressgateway' }, NAMESPACE: 'istio-system' }

function object(apiVersion: string, kind: string, name: string, namespace: string, rest: object): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace, resourceVersion: '1' }, ...rest }
}

async function backend(): Promise<number> {
  const server = createServer((request, response) => {
    response.setHeader('message', 'foo')
    response.end(`backend ${request.url}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  return (server.address() as AddressInfo).port
}

function objects(listen: number, upstream: number): KubeObject[] {
  return [
    object('v1', 'Service', 'app', 'default', { spec: { ports: [{ name: 'http', port: 80 }] } }),
    {
      ...object('discovery.k8s.io/v1', 'EndpointSlice', 'app-1', 'default', {
        ports: [{ name: 'http', port: upstream }],
        endpoints: [{ addresses: ['127.0.0.1'] }],
      }),
      metadata: { name: 'app-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'app' } },
    },
    object('networking.istio.io/v1', 'Gateway', 'gw', 'default', {
      spec: {
        selector: { istio: 'ingressgateway' },
        servers: [{ port: { number: listen, name: 'http', protocol: 'HTTP' }, hosts: ['*'], bind: '127.0.0.1' }],
      },
    }),
    object('networking.istio.io/v1', 'VirtualService', 'app', 'default', {
      spec: {
        hosts: ['*'],
        gateways: ['gw'],
        http: [
          { match: [{ uri: { exact: '/gone' } }], directResponse: { status: 410, body: { string: 'gone' } } },
          { match: [{ uri: { prefix: '/old' } }], rewrite: { uri: '/new' }, route: [{ destination: { host: 'app' } }] },
          {
            match: [{ uri: { regex: '/fault.*' } }],
            fault: { abort: { httpStatus: 418 } },
            corsPolicy: { allowOrigins: [{ exact: 'http://a' }], maxAge: '1h' },
            route: [{ destination: { host: 'app' } }],
          },
          {
            timeout: '5s',
            retries: { attempts: 3, retryOn: '5xx,503', perTryTimeout: '1.5s' },
            headers: { request: { add: { 'x-a': '1' } }, response: { set: { 'x-b': '2' }, remove: ['server'] } },
            mirrors: [{ destination: { host: 'app' }, percentage: { value: 1 } }],
            route: [
              { destination: { host: 'app', port: { number: 80 } }, weight: 90 },
              { destination: { host: 'app', subset: 'v1' }, weight: 10 },
            ],
          },
        ],
      },
    }),
    object('networking.istio.io/v1', 'DestinationRule', 'app', 'default', {
      spec: {
        host: 'app',
        trafficPolicy: {
          loadBalancer: { simple: 'ROUND_ROBIN' },
          connectionPool: { tcp: { maxConnections: 100, connectTimeout: '500ms' } },
          outlierDetection: { consecutive5xxErrors: 5, interval: '10s' },
        },
        subsets: [{ name: 'v1', labels: {} }],
      },
    }),
  ]
}

function lua(): KubeObject {
  const inlineCode = "function envoy_on_response(handle) handle:headers():add('x-lua', 'yes') end"
  return object('extensions.istio.io/v1alpha1', 'TrafficExtension', 'lua', 'istio-system', {
    spec: { lua: { inlineCode } },
  })
}

function wasm(url: string): KubeObject {
  return object('extensions.istio.io/v1alpha1', 'TrafficExtension', 'wasm', 'istio-system', {
    spec: { phase: 'AUTHN', wasm: { url, pluginConfig: { header: 'x-wasm' } } },
  })
}

async function run(
  delta: boolean,
  work: (
    set: (objects: KubeObject[]) => void,
    envoy: EnvoyProcess,
    port: number,
    nacks: Rejection[],
    acked: Set<string>,
  ) => Promise<void>,
) {
  const nacks: Rejection[] = []
  const acked = new Set<string>()
  const ads = new AdsServer({
    onNack: (rejection) => nacks.push(rejection),
    onAck: (outcome) => acked.add(shortType(outcome.typeUrl)),
  })
  const server = await serveGrpc(ads, '127.0.0.1', 0)
  const packer = new Packer()
  let version = 0
  const set = (list: KubeObject[]) => {
    const proxy = parseNode(NODE, METADATA)
    assert.ok(proxy)
    const { resources, problems } = generate(meshOf(list), proxy, packer)
    assert.deepEqual(problems, [])
    ads.setSnapshot(NODE, resources, String(++version))
  }
  const port = await freePort()
  const process = await startEnvoy({ path: peer.path, nodeId: NODE, metadata: METADATA, xdsPort: server.port, delta })
  try {
    await work(set, process, port, nacks, acked)
  } finally {
    await process.stop()
    ads.close()
    await server.close()
  }
}

for (const delta of [false, true]) {
  const form = delta ? 'delta' : 'state of the world'
  test(`a real Envoy accepts and runs everything (${form})`, { skip: peer.skip }, async () => {
    const upstream = await backend()
    await run(delta, async (set, envoy, port, nacks, acked) => {
      const base = objects(port, upstream)
      set(base)
      const get = (path: string) => limitedFetch(`http://127.0.0.1:${port}${path}`)
      const first = await eventually('the first 200', envoy, async () => {
        const response = await get('/x')
        return response.status === 200 ? response : undefined
      })
      assert.equal(first.headers.get('x-b'), '2')
      assert.equal(await first.text(), 'backend /x')
      assert.equal((await get('/gone')).status, 410)
      assert.equal(await (await get('/old/1')).text(), 'backend /new/1')
      assert.equal((await get('/fault')).status, 418)
      set([...base, lua()])
      await eventually('the Lua header', envoy, async () => (await get('/x')).headers.get('x-lua') ?? undefined)
      set(base)
      await eventually('its end', envoy, async () => ((await get('/x')).headers.has('x-lua') ? undefined : true))
      assert.deepEqual(
        nacks.map(({ error }) => error),
        [],
      )
      assert.deepEqual([...acked].sort(), ['cds', 'eds', 'lds', 'rds'])
    })
  })

  test(`a module comes to a real Envoy by ECDS (${form})`, { skip: peer.skip || modules.skip }, async () => {
    const upstream = await backend()
    await run(delta, async (set, envoy, port, nacks, acked) => {
      const base = objects(port, upstream)
      set(base)
      const message = async () => (await limitedFetch(`http://127.0.0.1:${port}/x`)).headers.get('message')
      const reads = (wanted: string) => async () => ((await message()) === wanted ? true : undefined)
      await eventually('the first response', envoy, reads('foo'))
      set([...base, wasm(`file://${join(modules.path, 'cpp-add-response-header.wasm')}`)])
      await eventually('a header of the module', envoy, reads('foo, bar'))
      assert.ok(acked.has('ecds'))
      assert.deepEqual(
        nacks.map(({ error }) => error),
        [],
      )
      set([...base, wasm('file:///nowhere.wasm')])
      await eventually('the NACK', envoy, async () => (nacks.length > 0 ? true : undefined))
      assert.deepEqual(nacks[0].names, ['extensions.istio.io/trafficextension/istio-system.wasm'])
      assert.equal(await message(), 'foo, bar', 'the last good config stays')
      set(base)
      await eventually('the end of it', envoy, reads('foo'))
    })
  })
}
