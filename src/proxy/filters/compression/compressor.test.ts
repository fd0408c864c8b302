import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { fromJson } from '@bufbuild/protobuf'
import {
  CompressorPerRouteSchema,
  CompressorSchema,
} from '../../../../gen/envoy/extensions/filters/http/compressor/v3/compressor_pb.ts'
import { BodyBuffer } from '../../../base/body-buffer.ts'
import { HeaderMap } from '../../../base/header-map.ts'
import { registry } from '../../../xds/registry.ts'
import type { FactoryContext } from '../../context.ts'
import type { HttpFilter, HttpFilterConfig } from '../../http/filter.ts'
import { StatsStore } from '../../stats/store.ts'
import { compressor } from './compressor.ts'
import { Chain } from './testing.ts'

// The bounds are those of Envoy's protos; zlib throws beyond most of them.
for (const [library, field, value] of [
  ['gzip', 'chunk_size', 10],
  ['gzip', 'chunk_size', 65_537],
  ['gzip', 'memory_level', 10],
  ['gzip', 'window_bits', 8],
  ['brotli', 'chunk_size', 10],
  ['brotli', 'quality', 12],
  ['brotli', 'window_bits', 9],
] as const) {
  test(`refused: ${field} ${value} of ${library}`, () => {
    const type = library === 'gzip' ? 'gzip.compressor.v3.Gzip' : 'brotli.compressor.v3.Brotli'
    const typedConfig = { '@type': `type.googleapis.com/envoy.extensions.compression.${type}`, [field]: value }
    const config = fromJson(CompressorSchema, { compressorLibrary: { name: 'c', typedConfig } }, { registry })
    const context = { stats: new StatsStore(), statPrefix: '' } as unknown as FactoryContext
    assert.throws(() => compressor.create(config, context), new RegExp(`typed_config\\.${field}: must be from`))
  })
}

for (const [json, rule] of [
  [{ disabled: true }, { enabled: false, removeAcceptEncoding: undefined }],
  [{ overrides: {} }, { enabled: undefined, removeAcceptEncoding: undefined }],
  // "If present, response compression is enabled."
  [{ overrides: { responseDirectionConfig: {} } }, { enabled: true, removeAcceptEncoding: undefined }],
  [
    { overrides: { responseDirectionConfig: { removeAcceptEncodingHeader: false } } },
    { enabled: true, removeAcceptEncoding: false },
  ],
] as const) {
  test(`what a route says: ${JSON.stringify(json)}`, () => {
    assert.deepEqual(
      compressor.createRouteConfig?.(fromJson(CompressorPerRouteSchema, json), {} as FactoryContext),
      rule,
    )
  })
}

test('refused: disabled: false, as by Envoy', () => {
  const config = fromJson(CompressorPerRouteSchema, { disabled: false })
  assert.throws(
    () => compressor.createRouteConfig?.(config, {} as FactoryContext),
    /compressor\.disabled: must be true/,
  )
})

test('a request is compressed, and counted by the names of Envoy', async () => {
  const typedConfig = { '@type': 'type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip' }
  const json = { compressorLibrary: { name: 'lib', typedConfig }, requestDirectionConfig: {} }
  const stats = new StatsStore()
  const context = { stats, statPrefix: 'http.in.' } as unknown as FactoryContext
  const config = compressor.create(fromJson(CompressorSchema, json, { registry }), context) as HttpFilterConfig
  const chain = new Chain()
  const filter = config.createFilter(chain.callbacks) as Required<HttpFilter>
  const headers = HeaderMap.of([
    ['content-type', 'text/plain'],
    ['content-length', '100'],
  ])
  filter.decodeHeaders(headers, false)
  assert.deepEqual([headers.get('content-encoding'), headers.get('content-length')], ['gzip', undefined])
  filter.decodeData(BodyBuffer.of('x'.repeat(60)), false)
  filter.decodeData(BodyBuffer.of('x'.repeat(40)), true)
  filter.encodeHeaders(HeaderMap.of([[':status', '204']]), true)
  await chain.body()
  const sent = Buffer.concat(chain.parts)
  assert.equal(gunzipSync(sent).toString(), 'x'.repeat(100))
  filter.onDestroy()
  await chain.closed()
  const { counters } = stats.snapshot()
  for (const [name, value] of [
    ['request.compressed', 1],
    ['request.not_compressed', 0],
    ['request.total_uncompressed_bytes', 100],
    ['request.total_compressed_bytes', sent.length],
    ['compressed', 0],
    ['not_compressed', 1],
  ] as const) {
    assert.equal(counters[`http.in.compressor.lib.gzip.${name}`], value, name)
  }
})
