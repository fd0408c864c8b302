/** Istio's pkg/wasm/convert_test.go restated; names are Istio's where the case is. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { create, fromBinary, type JsonObject, toBinary } from '@bufbuild/protobuf'
import { type Any, anyPack, StringValueSchema } from '@bufbuild/protobuf/wkt'
import { TypedExtensionConfigSchema } from '../../../gen/envoy/config/core/v3/extension_pb.ts'
import { RBACSchema as HttpRbacSchema } from '../../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts'
import { WasmSchema } from '../../../gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts'
import { RBACSchema as NetworkRbacSchema } from '../../../gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.ts'
import { FailurePolicy } from '../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { TypedStructSchema } from '../../../gen/udpa/type/v1/typed_struct_pb.ts'
import { TypedStructSchema as XdsTypedStructSchema } from '../../../gen/xds/type/v3/typed_struct_pb.ts'
import { sha256Hex } from '../../oci/index.ts'
import { Registry } from '../../telemetry/metrics.ts'
import { ConfigType } from '../../xds/index.ts'
import { ModuleCache } from '../cache/module-cache.ts'
import { emptyModule, remoteExtension, serve, temporaryFolder, typedExtension } from '../testing.ts'
import { decodeExtension, type WasmExtension } from './decode.ts'
import { encodeFallback, fallbackOf } from './encode.ts'
import { Supply } from './supply.ts'

const folder = temporaryFolder()
const server = await serve((_, response) => response.end(emptyModule('convert')))
const metrics = new Registry()
const cache = await new ModuleCache({ dir: folder.path, metrics }).open()
const supply = new Supply(cache, undefined)
after(async () => {
  cache.close()
  await server.close()
  folder.remove()
})

function typedStruct(typeUrl: string, value: JsonObject, xds = false): Any {
  return xds
    ? anyPack(XdsTypedStructSchema, create(XdsTypedStructSchema, { typeUrl, value }))
    : anyPack(TypedStructSchema, create(TypedStructSchema, { typeUrl, value }))
}

/** An EnvoyFilter's value as in Istio's pilot/pkg/xds/testdata/ecds.yaml. */
function wasmJson(vmConfig: JsonObject): JsonObject {
  const configuration = { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: '{"a": 1}' }
  return { config: { name: 'test', configuration, vmConfig: { runtime: 'envoy.wasm.runtime.v8', ...vmConfig } } }
}
const remoteJson = (extra: JsonObject = {}): JsonObject => ({
  code: { remote: { httpUri: { uri: `${server.url}/a`, cluster: '_', timeout: '5s' }, ...extra } },
})

const wasm = (resource: Any) => decodeExtension(resource) as WasmExtension
const configOf = (resource: Any) => fromBinary(TypedExtensionConfigSchema, resource.value).typedConfig!
const decodedOf = (resource: Any) => {
  const vm = fromBinary(WasmSchema, configOf(resource).value).config?.vm
  return vm?.case === 'vmConfig' ? vm.value : undefined
}

describe('TestWasmConvertWithWrongMessages', () => {
  const empty = anyPack(WasmSchema, create(WasmSchema))
  const broken: Any = { ...empty, value: Buffer.from([0xff, 0xff, 0xff]) }
  const cases: [string, Any][] = [
    ['wrong typed config', { ...typedExtension('x', empty), value: Buffer.from([0xff]) }],
    ['wrong value in typed struct', typedExtension('x', typedStruct(ConfigType.httpWasm, { nonsense: 1 }))],
    ['empty wasm in typed struct', typedExtension('x', typedStruct(ConfigType.httpWasm, {}))],
    ['no remote and local code in wasm', remoteExtension('x', { code: 'none' })],
    ['empty wasm in typed extension config', typedExtension('x', empty)],
    ['wrong wasm filter value', typedExtension('x', broken)],
    [
      'wrong typed struct value',
      typedExtension('x', { ...typedStruct(ConfigType.httpWasm, {}), value: Buffer.from([0xff]) }),
    ],
    [
      'a misspelt field in a typed struct',
      typedExtension('x', typedStruct(ConfigType.httpWasm, wasmJson(remoteJson({ sha265: '' })))),
    ],
  ]
  for (const [name, resource] of cases) {
    it(name, () => assert.throws(() => decodeExtension(resource), { code: 'SL3028' }))
  }

  it('says which part is missing, in Istio’s words', () => {
    const message = /no remote and local load found in Wasm (HTTP|Network) filter x/
    assert.throws(() => decodeExtension(remoteExtension('x', { code: 'none' })), message)
    assert.throws(() => decodeExtension(remoteExtension('x', { code: 'none', network: true })), message)
  })
})

describe('TestWasmConvert', () => {
  it('nil typed config', () => {
    assert.throws(() => decodeExtension(typedExtension('x', undefined)), { code: 'SL3028' })
  })

  for (const [name, resource] of [
    ['remote load success', typedExtension('x', typedStruct(ConfigType.httpWasm, wasmJson(remoteJson())))],
    [
      'remote load success, xds.type.v3.TypedStruct',
      typedExtension('x', typedStruct(ConfigType.httpWasm, wasmJson(remoteJson()), true)),
    ],
    ['remote load success without typed struct', remoteExtension('x', { url: `${server.url}/a` })],
  ] as const) {
    it(name, async () => {
      const supplied = await supply.get(wasm(resource))
      const source = decodedOf(supplied.resource)?.code?.specifier
      assert.equal(configOf(supplied.resource).typeUrl, ConfigType.httpWasm, 'the struct is not kept')
      assert.equal(source?.case, 'local')
      assert.match(JSON.stringify(source?.value), new RegExp(`${sha256Hex(emptyModule('convert'))}\\.wasm`))
      supplied.release()
    })
  }

  it('keeps the plugin’s configuration as it was', async () => {
    const resource = typedExtension('x', typedStruct(ConfigType.httpWasm, wasmJson(remoteJson())))
    const supplied = await supply.get(wasm(resource))
    const { config } = fromBinary(WasmSchema, configOf(supplied.resource).value)
    assert.equal(fromBinary(StringValueSchema, config!.configuration!.value).value, '{"a": 1}')
    supplied.release()
  })

  for (const [name, resource] of [
    [
      'no typed struct (pass)',
      typedExtension('x', anyPack(StringValueSchema, create(StringValueSchema, { value: 'x' }))),
    ],
    ['no wasm (pass)', typedExtension('x', typedStruct('type.googleapis.com/other.Type', { any: 'thing' }))],
  ] as const) {
    it(name, () => {
      const extension = decodeExtension(resource)
      assert.equal(extension.kind, 'other')
      assert.ok(extension.kind === 'other' && extension.resource === resource)
    })
  }

  it('no remote load (pass), but the module is looked at', async () => {
    const local = (filename: string) =>
      wasm(typedExtension('x', typedStruct(ConfigType.httpWasm, wasmJson({ code: { local: { filename } } }))))
    const { path } = await cache.get({ url: `${server.url}/a`, resourceName: 'x' })
    const supplied = await supply.get(local(path))
    assert.deepEqual(decodedOf(supplied.resource)?.code?.specifier.value?.$typeName, 'envoy.config.core.v3.DataSource')
    assert.match(JSON.stringify(decodedOf(supplied.resource)?.code?.specifier.value), new RegExp(path))
    assert.match(metrics.render(), /conversion_count\{result="no_remote_load"\} 1/)
    await assert.rejects(supply.get(local('/nowhere/x.wasm')), { code: 'SL3022' })
  })

  it('no uri', async () => {
    await assert.rejects(supply.get(wasm(remoteExtension('x', { code: 'no-uri' }))), /no URI/)
    assert.match(metrics.render(), /conversion_count\{result="miss_remote_fetch_hint"\} 1/)
  })

  it('secret: every ISTIO_META_ key is gone, the user’s own stay', async () => {
    const env = {
      ISTIO_META_WASM_IMAGE_PULL_SECRET: '{}',
      ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: '1',
      ISTIO_META_X: 'y',
    }
    const strip = async (keys: Record<string, string>, hostEnv: string[] = []) => {
      const supplied = await supply.get(wasm(remoteExtension('x', { url: `${server.url}/a`, env: keys, hostEnv })))
      supplied.release()
      return decodedOf(supplied.resource)?.environmentVariables
    }
    assert.equal(await strip(env), undefined)
    assert.deepEqual((await strip({ ...env, MINE: '1' }))?.keyValues, { MINE: '1' })
    assert.deepEqual((await strip(env, ['HOME']))?.keyValues, {})
    assert.deepEqual((await strip(env, ['HOME']))?.hostEnvKeys, ['HOME'])
  })

  it('settings of the Wasm host reach our own proxy only', async () => {
    const env = { ISTIO_META_WASM_HOST: '{"memoryPages":256}', ISTIO_META_X: 'y' }
    for (const [own, expected] of [
      [false, undefined],
      [true, { ISTIO_META_WASM_HOST: '{"memoryPages":256}' }],
    ] as const) {
      const supplied = await new Supply(cache, undefined, own).get(
        wasm(remoteExtension('x', { url: `${server.url}/a`, env })),
      )
      supplied.release()
      assert.deepEqual(decodedOf(supplied.resource)?.environmentVariables?.keyValues, expected)
    }
  })

  it('secret: also of a local module, where Istio lets it through to the VM', () => {
    const env = { environmentVariables: { keyValues: { ISTIO_META_WASM_IMAGE_PULL_SECRET: 's', ISTIO_META_X: 'y' } } }
    const json = wasmJson({ code: { local: { filename: '/x.wasm' } }, ...env })
    const extension = wasm(typedExtension('x', typedStruct(ConfigType.httpWasm, json)))
    assert.equal(extension.vm.environmentVariables, undefined)
    assert.equal(extension.meta.pullSecret, 's')
  })

  it('secret: one that was asked for and not found is a failure, never anonymous', async () => {
    const env = { ISTIO_META_WASM_IMAGE_PULL_SECRET: '' }
    await assert.rejects(supply.get(wasm(remoteExtension('x', { url: `${server.url}/a`, env }))), {
      code: 'SL3019',
      message: /missing image pulling secret/,
    })
  })

  it('a local module with a checksum runs as the checked copy', async () => {
    const { path } = await cache.get({ url: `${server.url}/a`, resourceName: 'x' })
    const local = (sum: string) => {
      const env = { environmentVariables: { keyValues: { ISTIO_META_WASM_LOCAL_SHA256: sum } } }
      return wasm(
        typedExtension(
          'x',
          typedStruct(ConfigType.httpWasm, wasmJson({ code: { local: { filename: path } }, ...env })),
        ),
      )
    }
    const supplied = await supply.get(local(sha256Hex(emptyModule('convert'))))
    assert.match(JSON.stringify(decodedOf(supplied.resource)?.code?.specifier.value), new RegExp(folder.path))
    await assert.rejects(supply.get(local('0'.repeat(64))), { code: 'SL3011' })
  })
})

describe('fallback', () => {
  const { UNSPECIFIED, FAIL_CLOSED, FAIL_OPEN, FAIL_RELOAD } = FailurePolicy
  for (const [name, policy, failOpen, expected] of [
    ['fail open', FAIL_OPEN, false, 'allow'],
    ['fail close', FAIL_CLOSED, false, 'deny'],
    ['fail reload', FAIL_RELOAD, false, 'deny'],
    ['unspecified', UNSPECIFIED, false, 'deny'],
    ['unspecified with the older fail_open', UNSPECIFIED, true, 'allow'],
    ['the policy wins over the older field', FAIL_CLOSED, true, 'deny'],
  ] as const) {
    it(name, () => {
      assert.equal(fallbackOf(wasm(remoteExtension('x', { policy, failOpen })).plugin), expected)
    })
  }

  it('is an RBAC filter of the same name, without rules or with rules that match nothing', () => {
    for (const fallback of ['allow', 'deny'] as const) {
      const http = encodeFallback('x', 'http', fallback)
      const rbac = fromBinary(HttpRbacSchema, configOf(http).value)
      assert.equal(fromBinary(TypedExtensionConfigSchema, http.value).name, 'x')
      assert.deepEqual(
        [rbac.rules !== undefined, rbac.rulesStatPrefix],
        [fallback === 'deny', `wasm-default-${fallback}`],
      )
      assert.deepEqual(Object.keys(rbac.rules?.policies ?? {}), [])
      const network = fromBinary(NetworkRbacSchema, configOf(encodeFallback('x', 'network', fallback)).value)
      assert.deepEqual(
        [network.rules !== undefined, network.statPrefix],
        [fallback === 'deny', `wasm-default-${fallback}`],
      )
    }
  })
})

it('decoding leaves the resource as it was', () => {
  const resource = remoteExtension('x', { url: 'oci://a/b', env: { ISTIO_META_X: 'y' } })
  const before = toBinary(TypedExtensionConfigSchema, fromBinary(TypedExtensionConfigSchema, resource.value))
  decodeExtension(resource)
  assert.deepEqual(toBinary(TypedExtensionConfigSchema, fromBinary(TypedExtensionConfigSchema, resource.value)), before)
})
