import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '../../kube/index.ts'
import { extension, wasmPlugin } from '../testing.ts'
import { filterName } from './extension.ts'
import { readTrafficExtension } from './read-extension.ts'

/** Istio's TestTranslateWasmPlugin and TestConvertTrafficSelectors, pilot/pkg/config/kube/extensions. */
test('TestTranslateWasmPlugin: name, namespace and filter name', () => {
  const translated = wasmPlugin({ url: 'oci://x' }, { name: 'p', namespace: 'ns' })
  assert.equal(translated.name, 'p~istio-translated-wasmplugin')
  assert.equal(translated.namespace, 'ns')
  assert.equal(filterName(translated), 'extensions.istio.io/trafficextension/ns.p~istio-translated-wasmplugin')
})

test('TestTranslateWasmPlugin: phases', () => {
  for (const phase of ['AUTHN', 'AUTHZ', 'STATS']) assert.equal(wasmPlugin({ url: 'x', phase }).phase, phase)
  assert.equal(wasmPlugin({ url: 'x', phase: 'UNSPECIFIED_PHASE' }).phase, 'UNSPECIFIED')
  assert.equal(wasmPlugin({ url: 'x' }).phase, 'UNSPECIFIED')
})

test('TestTranslateWasmPlugin: all fields, the key of signatures too', () => {
  const { wasm, priority } = wasmPlugin({
    url: 'https://example.com/x.wasm',
    sha256: 'a'.repeat(64),
    imagePullPolicy: 'Always',
    imagePullSecret: 's',
    verificationKey: 'key',
    pluginConfig: { a: 1 },
    pluginName: 'root',
    failStrategy: 'FAIL_OPEN',
    vmConfig: {
      env: [
        { name: 'A', value: 'b' },
        { name: 'H', valueFrom: 'HOST' },
      ],
    },
    type: 'NETWORK',
    priority: 5,
  })
  assert.deepEqual(wasm, {
    url: 'https://example.com/x.wasm',
    sha256: 'a'.repeat(64),
    imagePullPolicy: 'Always',
    imagePullSecret: 's',
    verificationKey: 'key',
    pluginConfig: { a: 1 },
    pluginName: 'root',
    failStrategy: 'FAIL_OPEN',
    env: [
      { name: 'A', value: 'b', fromHost: false },
      { name: 'H', value: '', fromHost: true },
    ],
    host: '',
    type: 'NETWORK',
  })
  assert.equal(priority, 5)
})

const ref = (name: string) => ({ group: 'gateway.networking.k8s.io', kind: 'Gateway', name })

test('TestTranslateWasmPlugin: selector, plural refs, singular promoted, plural wins', () => {
  const names = (spec: object) => wasmPlugin({ url: 'x', ...spec }).targetRefs.map(({ name }) => name)
  assert.deepEqual(wasmPlugin({ url: 'x', selector: { matchLabels: { a: 'b' } } }).selector, { a: 'b' })
  assert.equal(wasmPlugin({ url: 'x' }).selector, undefined)
  assert.deepEqual(names({ targetRefs: [ref('a'), ref('b')] }), ['a', 'b'])
  assert.deepEqual(names({ targetRef: ref('a') }), ['a'])
  assert.deepEqual(names({ targetRef: ref('a'), targetRefs: [ref('b')] }), ['b'])
})

test('TestConvertTrafficSelectors: nothing, empty, mode, ports, nil entries', () => {
  const match = (entries: unknown) => wasmPlugin({ url: 'x', match: entries }).match
  assert.deepEqual(match(undefined), [])
  assert.deepEqual(match([]), [])
  assert.deepEqual(match([{ mode: 'CLIENT' }]), [{ mode: 'CLIENT', ports: [] }])
  assert.deepEqual(match([{ ports: [{ number: 80 }, null] }]), [{ mode: 'CLIENT_AND_SERVER', ports: [80] }])
  assert.deepEqual(match([null, { mode: 'UNDEFINED' }]), [{ mode: 'CLIENT_AND_SERVER', ports: [] }])
})

/** Istio's TestConvertToTrafficExtensionWrapper. */
const VALIDITY: [string, Record<string, unknown>, RegExp | undefined][] = [
  ['valid lua', { lua: { inlineCode: 'x' } }, undefined],
  ['valid wasm', { wasm: { url: 'oci://x' } }, undefined],
  ['neither', { wasm: undefined }, /neither wasm nor lua is set/],
  ['both', { wasm: { url: 'oci://x' }, lua: { inlineCode: 'x' } }, /exactly one/],
  ['lua empty', { lua: { inlineCode: '' } }, /inlineCode cannot be empty/],
  ['lua too large', { lua: { inlineCode: 'x'.repeat(65537) } }, /exceeds maximum size/],
  ['url empty', { wasm: { url: '' } }, /wasm\.url is required/],
  ['url of an unknown scheme', { wasm: { url: 'ftp://x/y' } }, /unsupported scheme: ftp/],
  ['url without host', { wasm: { url: 'oci://' } }, /failed to parse url/],
  ['no scheme, with a port', { wasm: { url: 'localhost:5000/x:1' } }, undefined],
  ['digest', { wasm: { url: `oci://r/x@sha256:${'a'.repeat(64)}` } }, undefined],
]

for (const [name, spec, expected] of VALIDITY) {
  test(`TestConvertToTrafficExtensionWrapper: ${name}`, () => {
    const { invalid } = extension(spec)
    if (expected === undefined) assert.equal(invalid, undefined)
    else assert.match(invalid ?? '', expected)
  })
}

test('the revision follows edits of spec and metadata, not of status', () => {
  const object: KubeObject = {
    apiVersion: 'extensions.istio.io/v1alpha1',
    kind: 'TrafficExtension',
    metadata: { name: 'x', namespace: 'ns', uid: 'u', generation: 1, resourceVersion: '1' },
    spec: { lua: { inlineCode: 'x' } },
  }
  const revision = (metadata: object) =>
    readTrafficExtension({ ...object, metadata: { ...object.metadata, ...metadata } }).revision
  assert.equal(revision({ resourceVersion: '2' }), revision({}))
  assert.notEqual(revision({ generation: 2 }), revision({}))
  assert.notEqual(revision({ annotations: { a: 'b' } }), revision({}))
  assert.notEqual(revision({ uid: 'v' }), revision({}))
})

test('the annotation for the Wasm host is taken, and a wrong one refused with its name', () => {
  const annotated = (text: string) =>
    readTrafficExtension({
      apiVersion: 'extensions.istio.io/v1alpha1',
      kind: 'TrafficExtension',
      metadata: { name: 'x', namespace: 'ns', annotations: { 'sluice.dev/wasm-host': text } },
      spec: { wasm: { url: 'oci://x' } },
    } as KubeObject)
  const good = annotated('{"memoryPages":256}')
  assert.equal(good.invalid, undefined)
  assert.equal(good.wasm?.host, '{"memoryPages":256}')
  assert.match(annotated('{"memoryPages":0}').invalid ?? '', /annotation sluice\.dev\/wasm-host: memoryPages must be/)
})
