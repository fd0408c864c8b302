import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJson } from '@bufbuild/protobuf'
import {
  CompressorPerRouteSchema,
  CompressorSchema,
} from '../../../../gen/envoy/extensions/filters/http/compressor/v3/compressor_pb.ts'
import { registry } from '../../config/any.ts'
import type { FactoryContext } from '../../context.ts'
import { StatsStore } from '../../stats/store.ts'
import { compressor } from './compressor.ts'

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
