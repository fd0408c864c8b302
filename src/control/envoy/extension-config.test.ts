import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeRequirements, TypeUrl, unpackToJson, WasmEnv } from '../../xds/index.ts'
import { byAge, orderByPhase } from '../model/order.ts'
import { extension, wasmPlugin } from '../testing.ts'
import { Packer } from './config.ts'
import { dataSource, extensionConfig, filterEntry } from './extension-config.ts'
import { httpFilters, networkFilters } from './filter-chain.ts'

const NO_SECRET = () => undefined

// biome-ignore lint/suspicious/noExplicitAny: JSON looked into by the assertions
type Json = any
type Secret = (namespace: string, name: string) => string | undefined

function configOf(spec: Record<string, unknown>, secret: Secret = NO_SECRET): Json {
  const subject = extension({ wasm: { url: 'oci://x', ...spec } }, { name: 'n', namespace: 'ns' })
  if (subject.wasm === undefined) throw new Error('not Wasm')
  return unpackToJson(new Packer().pack(TypeUrl.extension, extensionConfig(subject, subject.wasm, secret)))
}

/** Istio's TestBuildDataSource. */
const SOURCES: [string, string, string, unknown][] = [
  ['file', 'file://fake.wasm', '', { local: { filename: 'fake.wasm' } }],
  ['file, absolute', 'file:///opt/x.wasm', 'a', { local: { filename: '/opt/x.wasm' } }],
  [
    'oci',
    'oci://ghcr.io/org/image:1',
    '',
    { remote: { http_uri: { uri: 'oci://ghcr.io/org/image:1', timeout: '30s', cluster: '_' } } },
  ],
  [
    'no scheme',
    'ghcr.io/org/image:1',
    '',
    { remote: { http_uri: { uri: 'oci://ghcr.io/org/image:1', timeout: '30s', cluster: '_' } } },
  ],
  [
    'http with sum',
    'http://h/x.wasm',
    'f00d',
    { remote: { http_uri: { uri: 'http://h/x.wasm', timeout: '30s', cluster: '_' }, sha256: 'f00d' } },
  ],
]

for (const [name, url, sha256, expected] of SOURCES) {
  test(`TestBuildDataSource: ${name}`, () => {
    assert.deepEqual(JSON.parse(JSON.stringify(dataSource(url, sha256))), expected)
  })
}

test('what signature policies ask for travels beside the key', () => {
  const subject = extension({ wasm: { url: 'oci://x' } }, { name: 'n', namespace: 'ns' })
  const asked = [{ policy: 'a/b', warn: false, keys: ['PEM'], keyless: [] }]
  const config = extensionConfig(subject, subject.wasm!, NO_SECRET, asked)
  const json: Json = unpackToJson(new Packer().pack(TypeUrl.extension, config))
  const { key_values: values } = json.typed_config.config.vm_config.environment_variables
  assert.deepEqual(decodeRequirements(values[WasmEnv.signatures]), asked)
})

/** Istio's TestFailurePolicy. */
for (const [strategy, policy] of [
  [undefined, 'FAIL_CLOSED'],
  ['FAIL_CLOSE', 'FAIL_CLOSED'],
  ['FAIL_OPEN', 'FAIL_OPEN'],
  ['FAIL_RELOAD', 'FAIL_RELOAD'],
]) {
  test(`TestFailurePolicy: ${strategy}`, () => {
    assert.equal(configOf({ failStrategy: strategy }).typed_config.config.failure_policy, policy)
  })
}

/** Istio's TestBuildVMConfig. */
test('TestBuildVMConfig: nothing given', () => {
  const { config } = configOf({}).typed_config
  assert.equal(config.name, 'ns.n')
  assert.equal(config.root_id, undefined)
  assert.equal(config.vm_config.runtime, 'envoy.wasm.runtime.v8')
  assert.deepEqual(config.vm_config.environment_variables, {
    key_values: { ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: '7' },
  })
})

test('TestBuildVMConfig: environment, policy, secret; a user cannot pass off a key of ours', () => {
  const { config } = configOf(
    {
      imagePullSecret: 'pull',
      imagePullPolicy: 'IfNotPresent',
      verificationKey: 'PEM',
      pluginName: 'root',
      pluginConfig: { b: [1] },
      vmConfig: {
        env: [
          { name: 'A', value: 'inline' },
          { name: 'H', valueFrom: 'HOST' },
          { name: 'ISTIO_META_WASM_IMAGE_PULL_SECRET', value: 'forged' },
          { name: 'ISTIO_META_OTHER', value: 'forged' },
        ],
      },
    },
    (namespace, name) => `${namespace}/${name}`,
  ).typed_config
  assert.deepEqual(config.vm_config.environment_variables, {
    host_env_keys: ['H'],
    key_values: {
      A: 'inline',
      ISTIO_META_WASM_IMAGE_PULL_SECRET: 'ns/pull',
      ISTIO_META_WASM_IMAGE_PULL_POLICY: 'IfNotPresent',
      ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: '7',
      ISTIO_META_WASM_VERIFICATION_KEY: 'PEM',
    },
  })
  assert.equal(config.root_id, 'root')
  assert.equal(config.configuration.value, '{"b":[1]}')
})

test('a secret that is not to be had is sent as empty, never left out', () => {
  const { config } = configOf({ imagePullSecret: 'pull' }).typed_config
  assert.equal(config.vm_config.environment_variables.key_values.ISTIO_META_WASM_IMAGE_PULL_SECRET, '')
})

test('a local module gets no secret, and its checksum in the environment', () => {
  const { config } = configOf(
    { url: 'file:///x', sha256: 'f00d', imagePullSecret: 'pull' },
    () => 'secret',
  ).typed_config
  const values = config.vm_config.environment_variables.key_values
  assert.equal(values.ISTIO_META_WASM_IMAGE_PULL_SECRET, undefined)
  assert.equal(values.ISTIO_META_WASM_LOCAL_SHA256, 'f00d')
})

test('the filter waits for ECDS without limit and allows the fallback', () => {
  const entry = filterEntry(wasmPlugin({ url: 'x' }, { name: 'p', namespace: 'ns' }))
  assert.deepEqual(entry, {
    name: 'extensions.istio.io/trafficextension/ns.p~istio-translated-wasmplugin',
    config_discovery: {
      config_source: { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' },
      type_urls: [
        'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm',
        'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
      ],
    },
  })
  const network = filterEntry(wasmPlugin({ url: 'x', type: 'NETWORK' }))
  assert.deepEqual((network['config_discovery'] as { type_urls: unknown }).type_urls, [
    'type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm',
    'type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC',
  ])
})

test('positions: AUTHN, AUTHZ, STATS, built-ins, then what has no phase, then the router', () => {
  const list = [
    extension({ phase: 'STATS' }, { name: 's' }),
    extension({ phase: 'AUTHZ', lua: { inlineCode: 'x' } }, { name: 'z' }),
    extension({ phase: 'AUTHN' }, { name: 'n' }),
    extension({}, { name: 'u' }),
    extension({ wasm: { url: 'x', type: 'NETWORK' } }, { name: 'net' }),
  ].sort(byAge)
  const phases = orderByPhase(list, ['default'])
  const names = (filters: { [field: string]: unknown }[]) =>
    filters.map(({ name }) => String(name).replace(/^.*\//, ''))
  const http = httpFilters(phases, ({ wasm }) => wasm?.type !== 'NETWORK', { fault: true, cors: true })
  assert.deepEqual(names(http), [
    'default.n',
    'default.z',
    'default.s',
    'envoy.filters.http.fault',
    'envoy.filters.http.cors',
    'default.u',
    'envoy.filters.http.router',
  ])
  assert.deepEqual(names(networkFilters(phases, ({ wasm }) => wasm?.type === 'NETWORK')), ['default.net'])
})
