import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { anyFromJson, anyToJson, pack } from './json.ts'
import { registry } from './registry.ts'
import { resourceName } from './resource-name.ts'
import { TypeUrl } from './type-urls.ts'

test('every root of proto/paths.txt is registered', () => {
  const known = new Set([...registry].map((type) => `${type.file.name}.proto`))
  const roots = readFileSync(new URL('../../proto/paths.txt', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => line.trim().slice(line.indexOf('/') + 1))
  assert.ok(roots.length > 30)
  assert.deepEqual(
    roots.filter((root) => !known.has(root)),
    [],
  )
})

test('nested Anys survive the way to JSON and back', () => {
  const json = {
    '@type': TypeUrl.extension,
    name: 'x',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm',
      config: {
        name: 'x',
        configuration: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: '{}' },
        failure_policy: 'FAIL_CLOSED',
      },
    },
  }
  assert.deepEqual(anyToJson(anyFromJson(json)), json)
})

test('misspelt configuration is refused with the field', () => {
  assert.throws(() => pack(TypeUrl.cluster, { nam: 'x' }), /SL2001|nam/)
  assert.throws(() => pack('type.googleapis.com/no.such.Type', {}), /no\.such\.Type/)
})

test('names are found without decoding', () => {
  assert.equal(resourceName(pack(TypeUrl.cluster, { name: 'c', alt_stat_name: 'other' })), 'c')
  assert.equal(resourceName(pack(TypeUrl.endpoint, { cluster_name: 'e', endpoints: [{}] })), 'e')
  assert.equal(resourceName(pack(TypeUrl.route, { virtual_hosts: [{ name: 'v', domains: ['*'] }], name: 'r' })), 'r')
  assert.equal(resourceName(pack(TypeUrl.cluster, {})), '')
})
