import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import type { KubeObject } from '../../kube/index.ts'
import { TypeUrl, unpackToJson } from '../../xds/index.ts'
import { type Config, Packer } from '../envoy/config.ts'
import { generate } from '../generate.ts'
import { meshOf } from '../model/mesh.ts'
import { envoyFilterStatus } from '../status/envoy-filter-status.ts'
import { workload } from '../testing.ts'
import { readEnvoyFilter } from './patch.ts'
import { patchesFor } from './select.ts'

const gateway = workload({ labels: { istio: 'ingressgateway' } })
const GATEWAY: KubeObject = {
  apiVersion: 'networking.istio.io/v1',
  kind: 'Gateway',
  metadata: { name: 'gw', namespace: 'default' },
  spec: {
    selector: { istio: 'ingressgateway' },
    servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
  },
}

function envoyFilter(name: string, configPatches: object[], rest: object = {}, namespace = 'istio-system'): KubeObject {
  return {
    apiVersion: 'networking.istio.io/v1alpha3',
    kind: 'EnvoyFilter',
    metadata: { name, namespace },
    spec: { configPatches, ...rest },
  }
}

const ROUTER = {
  filterChain: {
    filter: { name: 'envoy.filters.network.http_connection_manager', subFilter: { name: 'envoy.filters.http.router' } },
  },
}

function httpFilter(operation: string, name: string, listener: object = ROUTER): object {
  return { applyTo: 'HTTP_FILTER', match: { context: 'GATEWAY', listener }, patch: { operation, value: { name } } }
}

function build(...filters: KubeObject[]) {
  const generated = generate(meshOf([GATEWAY, ...filters]), gateway, new Packer())
  const [listener] = [...(generated.resources[TypeUrl.listener]?.values() ?? [])].map(
    (any) => unpackToJson(any) as Config,
  )
  // biome-ignore lint/suspicious/noExplicitAny: JSON looked into by the assertions
  const chain = (listener as any)?.filter_chains?.[0]
  const names = (list: { name: string }[] | undefined) =>
    (list ?? []).map(({ name }) => name.replace('envoy.filters.', ''))
  return {
    generated,
    listener,
    network: names(chain?.filters),
    http: names(chain?.filters?.at(-1).typed_config.http_filters),
    applied: [...generated.patches.values()],
  }
}

/** Istio's TestApplyListenerPatches, as far as gateways go: the operations on lists of filters. */
const OPERATIONS: [string, object, string[]][] = [
  ['ADD appends', httpFilter('ADD', 'x'), ['http.router', 'x']],
  ['INSERT_FIRST', httpFilter('INSERT_FIRST', 'x'), ['x', 'http.router']],
  ['INSERT_BEFORE the named', httpFilter('INSERT_BEFORE', 'x'), ['x', 'http.router']],
  ['INSERT_AFTER the named', httpFilter('INSERT_AFTER', 'x'), ['http.router', 'x']],
  ['INSERT_BEFORE without a name prepends', httpFilter('INSERT_BEFORE', 'x', {}), ['x', 'http.router']],
  ['INSERT_AFTER without a name appends', httpFilter('INSERT_AFTER', 'x', {}), ['http.router', 'x']],
  ['REPLACE', httpFilter('REPLACE', 'x'), ['x']],
  ['REMOVE', { applyTo: 'HTTP_FILTER', match: { listener: ROUTER }, patch: { operation: 'REMOVE' } }, []],
  ['another port', httpFilter('INSERT_FIRST', 'x', { portNumber: 81 }), ['http.router']],
  ['this port', httpFilter('INSERT_FIRST', 'x', { portNumber: 80 }), ['x', 'http.router']],
  ['another listener', httpFilter('INSERT_FIRST', 'x', { name: 'y' }), ['http.router']],
  [
    'a name that is not there',
    httpFilter('INSERT_BEFORE', 'x', {
      filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager', subFilter: { name: 'none' } } },
    }),
    ['http.router'],
  ],
  ['for sidecars', { ...httpFilter('INSERT_FIRST', 'x'), match: { context: 'SIDECAR_OUTBOUND' } }, ['http.router']],
]

for (const [name, patch, expected] of OPERATIONS) {
  test(`HTTP_FILTER: ${name}`, () => assert.deepEqual(build(envoyFilter('f', [patch])).http, expected))
}

test('NETWORK_FILTER stands before the connection manager', () => {
  const match = { listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager' } } } }
  const patch = { applyTo: 'NETWORK_FILTER', match, patch: { operation: 'INSERT_BEFORE', value: { name: 'x' } } }
  assert.deepEqual(build(envoyFilter('f', [patch])).network, ['x', 'network.http_connection_manager'])
})

test('NETWORK_FILTER: MERGE adds an access log with a filter in CEL', () => {
  const match = { listener: { filterChain: { filter: { name: 'envoy.filters.network.http_connection_manager' } } } }
  const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`
  const filter = {
    extension_filter: {
      name: 'cel',
      typed_config: {
        '@type': type('access_loggers.filters.cel.v3.ExpressionFilter'),
        expression: 'response.code >= 400',
      },
    },
  }
  const typed_config = {
    '@type': type('filters.network.http_connection_manager.v3.HttpConnectionManager'),
    access_log: [
      { name: 'errors', filter, typed_config: { '@type': type('access_loggers.stream.v3.StdoutAccessLog') } },
    ],
  }
  const { listener } = build(
    envoyFilter('f', [{ applyTo: 'NETWORK_FILTER', match, patch: { operation: 'MERGE', value: { typed_config } } }]),
  )
  assert.match(
    JSON.stringify(listener),
    /"errors","filter":.*"expression":"response.code >= 400","@type":"[\w./]+ExpressionFilter"/,
  )
})

test('order: priority upwards, root namespace first, then age', () => {
  const patch = (name: string) => [httpFilter('INSERT_FIRST', name)]
  const own = workload({ namespace: 'default', labels: { istio: 'ingressgateway' } })
  const mesh = meshOf([
    GATEWAY,
    envoyFilter('late', patch('late'), { priority: 5 }, 'default'),
    envoyFilter('own', patch('own'), {}, 'default'),
    envoyFilter('root', patch('root')),
    envoyFilter('early', patch('early'), { priority: -5 }, 'default'),
    envoyFilter('elsewhere', patch('elsewhere'), {}, 'other'),
  ])
  const values = patchesFor(mesh, own)
    .of('HTTP_FILTER')
    .map(({ value }) => value?.['name'])
  assert.deepEqual(values, ['early', 'root', 'own', 'late'])
})

test('a removed listener is gone, an added one is there', () => {
  const remove = { applyTo: 'LISTENER', match: { listener: { portNumber: 80 } }, patch: { operation: 'REMOVE' } }
  const address = { socketAddress: { address: '0.0.0.0', portValue: 81 } }
  const add = { applyTo: 'LISTENER', patch: { operation: 'ADD', value: { name: 'mine', address } } }
  const { generated } = build(envoyFilter('f', [remove, add]))
  assert.deepEqual([...(generated.resources[TypeUrl.listener]?.keys() ?? [])], ['mine'])
})

/** Istio's task "Enabling Rate Limits" asks for a virtual host by the name `""`. */
test('an empty text in a match asks for nothing', () => {
  const routes: object = { vhost: { name: '', domainName: '', route: { name: '', action: 'ANY' } }, gateway: '' }
  const { http, applied } = build(
    envoyFilter('f', [
      httpFilter('INSERT_FIRST', 'x', { name: '', filterChain: { filter: { name: '' } } }),
      {
        applyTo: 'VIRTUAL_HOST',
        match: { routeConfiguration: routes },
        patch: { operation: 'MERGE', value: { name: 'y' } },
      },
    ]),
  )
  assert.deepEqual(http, ['x', 'http.router'])
  assert.ok(applied[0] > 0 && applied[1] > 0, String(applied))
})

/** Istio's TestInsertedExtensionConfig. */
test('EXTENSION_CONFIG: ADD and INSERT count, MERGE and REMOVE do not', () => {
  const typed = { '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC' }
  const patch = (operation: string) => ({
    applyTo: 'EXTENSION_CONFIG',
    match: { context: 'SIDECAR_INBOUND' },
    patch: { operation, value: { name: operation, typed_config: typed } },
  })
  const { generated } = build(envoyFilter('f', ['ADD', 'INSERT_FIRST', 'MERGE', 'REMOVE'].map(patch)))
  assert.deepEqual([...(generated.resources[TypeUrl.extension]?.keys() ?? [])], ['ADD', 'INSERT_FIRST'])
})

test('what is wrong with a patch is told, and the others apply', () => {
  const bad = { applyTo: 'HTTP_FILTER', patch: { operation: 'INSERT_FIRST', value: { nam: 'x' } } }
  const unknown = { applyTo: 'BOOTSTRAP', patch: { operation: 'MERGE', value: {} } }
  const object = envoyFilter('f', [bad, unknown, httpFilter('INSERT_FIRST', 'good')])
  const { http } = build(object)
  assert.deepEqual(http, ['good', 'http.router'])
  const status = JSON.stringify(envoyFilterStatus(readEnvoyFilter(object), []))
  assert.match(status, /configPatches\[0\].*nam/)
  assert.match(status, /applyTo BOOTSTRAP is not supported/)
})

test('a patch without effect is named', () => {
  const object = envoyFilter('f', [httpFilter('INSERT_FIRST', 'x'), httpFilter('INSERT_FIRST', 'y', { name: 'no' })])
  const mesh = meshOf([GATEWAY, object])
  const { patches } = generate(mesh, gateway, new Packer())
  const [filter] = mesh.derive('envoyFilters', [], () => [readEnvoyFilter(object)])
  assert.match(
    JSON.stringify(envoyFilterStatus(filter, [patches])),
    /1 of 2 patches on 1 proxies; nothing matched configPatches\[1\]/,
  )
})

/** As docs/reference/control-plane.md has it. */
test('a gateway traces when an EnvoyFilter says so', () => {
  const documented = readFileSync(new URL('../../../docs/reference/control-plane.md', import.meta.url), 'utf8')
  const [, yaml] = /## Tracing\n.*?```yaml\n(.*?)```/s.exec(documented) ?? []
  const { listener, generated } = build(parse(yaml) as KubeObject)
  // biome-ignore lint/suspicious/noExplicitAny: JSON looked into by the assertions
  const { tracing } = (listener as any).filter_chains[0].filters[0].typed_config
  assert.equal(tracing.provider.typed_config.grpc_service.envoy_grpc.cluster_name, 'collector')
  assert.deepEqual(tracing.random_sampling, { value: 10 })
  assert.ok(generated.resources[TypeUrl.cluster]?.has('collector'))
})
