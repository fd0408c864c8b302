import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import fc from 'fast-check'
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
import { Chain, DICTIONARY } from './testing.ts'
import { ZstdFrames } from './zstd-frames.ts'

const TYPES = {
  gzip: 'gzip.compressor.v3.Gzip',
  brotli: 'brotli.compressor.v3.Brotli',
  zstd: 'zstd.compressor.v3.Zstd',
}

function compile(library: keyof typeof TYPES, fields: JsonObject = {}, more: JsonObject = {}, name = 'lib') {
  const typedConfig = { '@type': `type.googleapis.com/envoy.extensions.compression.${TYPES[library]}`, ...fields }
  const config = fromJson(CompressorSchema, { compressorLibrary: { name, typedConfig }, ...more }, { registry })
  const stats = new StatsStore()
  const context = { stats, statPrefix: 'http.in.' } as unknown as FactoryContext
  const filter = compressor.create(config, context) as HttpFilterConfig
  return { config: filter, count: (name: string) => stats.snapshot().counters[`http.in.compressor.lib.${name}`] }
}

// The bounds are those of Envoy's protos and of zstd; zlib throws beyond most of them.
for (const [library, field, value] of [
  ['gzip', 'chunk_size', 10],
  ['gzip', 'chunk_size', 65_537],
  ['gzip', 'memory_level', 10],
  ['gzip', 'window_bits', 8],
  ['brotli', 'chunk_size', 10],
  ['brotli', 'quality', 12],
  ['brotli', 'window_bits', 9],
  ['zstd', 'chunk_size', 4095],
  ['zstd', 'compression_level', 23],
  ['zstd', 'strategy', 10],
] as const) {
  test(`refused: ${field} ${value} of ${library}`, () => {
    assert.throws(() => compile(library, { [field]: value }), new RegExp(`typed_config\\.${field}: must be from`))
  })
}

test('refused: a library without a name, by which its statistics are found', () => {
  assert.throws(() => compile('gzip', {}, {}, ''), /compressor_library\.name: a name is missing/)
})

test('refused: a dictionary without an id', () => {
  assert.throws(
    () => compile('zstd', { dictionary: { inlineString: 'text' } }),
    /typed_config\.dictionary: must be a d/,
  )
})

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

test('refused: what is not there yet, and statuses that are none', () => {
  const response = (fields: JsonObject) => () => compile('gzip', {}, { responseDirectionConfig: fields })
  assert.throws(response({ statusHeaderEnabled: true }), /response_direction_config\.status_header_enabled/)
  for (const code of [199, 600]) {
    assert.throws(response({ uncompressibleResponseCodes: [404, code] }), /uncompressible_response_codes\[1\]: must be/)
  }
})

// What follows is a tunnel's, and no body of HTTP.
for (const header of [
  ['upgrade', 'websocket'],
  [':method', 'CONNECT'],
] as const) {
  test(`not compressed: ${header.join(' ')}`, () => {
    const { config } = compile('gzip', {}, { requestDirectionConfig: {} })
    const filter = config.createFilter(new Chain().callbacks) as Required<HttpFilter>
    const [request, response] = [
      HeaderMap.of([header, ['accept-encoding', 'gzip']]),
      HeaderMap.of([[':status', '200']]),
    ]
    filter.decodeHeaders(request, false)
    filter.encodeHeaders(response, false)
    assert.deepEqual([request.has('content-encoding'), response.has('content-encoding')], [false, false])
  })
}

const REQUEST = (): HeaderMap =>
  HeaderMap.of([
    ['content-type', 'text/plain'],
    ['content-length', '100'],
  ])

for (const [library, coding, fields, open] of [
  ['gzip', 'gzip', {}, gunzipSync],
  ['brotli', 'br', {}, brotliDecompressSync],
  ['zstd', 'zstd', {}, zstdDecompressSync],
  ['zstd', 'zstd', { compressionLevel: 22, enableChecksum: true, strategy: 'FAST' }, zstdDecompressSync],
  [
    'zstd',
    'zstd',
    { dictionary: { inlineBytes: DICTIONARY.toString('base64') } },
    (body: Buffer) => zstdDecompressSync(body, { dictionary: DICTIONARY }),
  ],
] as const) {
  test(`a request is compressed, and counted by the names of Envoy: ${library} ${JSON.stringify(fields)}`, async () => {
    const { config, count } = compile(library, fields, { requestDirectionConfig: {} })
    const chain = new Chain()
    const filter = config.createFilter(chain.callbacks) as Required<HttpFilter>
    const headers = REQUEST()
    filter.decodeHeaders(headers, false)
    assert.deepEqual([headers.get('content-encoding'), headers.get('content-length')], [coding, undefined])
    filter.decodeData(BodyBuffer.of('x'.repeat(60)), false)
    filter.decodeData(BodyBuffer.of('x'.repeat(40)), true)
    filter.encodeHeaders(HeaderMap.of([[':status', '204']]), true)
    await chain.body()
    const sent = Buffer.concat(chain.parts)
    assert.equal(open(sent).toString(), 'x'.repeat(100))
    filter.onDestroy()
    await chain.closed()
    for (const [name, value] of [
      ['request.compressed', 1],
      ['request.not_compressed', 0],
      ['request.total_uncompressed_bytes', 100],
      ['request.total_compressed_bytes', sent.length],
      ['compressed', 0],
      ['not_compressed', 1],
    ] as const) {
      assert.equal(count(`${library}.${name}`), value, name)
    }
  })

  test(`what was written comes out at once: ${library} ${JSON.stringify(fields)}`, async () => {
    const { config } = compile(library, fields, { requestDirectionConfig: {} })
    const chain = new Chain()
    const filter = config.createFilter(chain.callbacks) as Required<HttpFilter>
    filter.decodeHeaders(REQUEST(), false)
    filter.decodeData(BodyBuffer.of('an event'), false)
    while (chain.parts.length === 0) await setImmediate()
    filter.onDestroy()
    await chain.closed()
  })
}

test('what comes in one turn is flushed once: a read of tiny chunks does not grow', async () => {
  const { config } = compile('gzip', {}, { requestDirectionConfig: {} })
  const chain = new Chain()
  const filter = config.createFilter(chain.callbacks) as Required<HttpFilter>
  filter.decodeHeaders(new HeaderMap(), false)
  for (let i = 0; i < 1000; i++) filter.decodeData(BodyBuffer.of('a'), false)
  while (chain.parts.length < 2) await setImmediate()
  filter.decodeData(new BodyBuffer(), true)
  await chain.body()
  const sent = Buffer.concat(chain.parts)
  assert.equal(gunzipSync(sent).toString(), 'a'.repeat(1000))
  assert.ok(sent.length < 100, `${sent.length} bytes`)
  filter.onDestroy()
  await chain.closed()
})

// RFC 8878 3.1.1.1.2: no single segment, and the window's logarithm.
for (const [what, headers, body, window] of [
  ['RFC 9659 3: no more than 8 MB, whatever the level', [], 'xy', 23],
  ['no larger than the body is announced', [['content-length', '3000']], 'x'.repeat(3000), 12],
  ['and no smaller than a window can be', [['content-length', '30']], 'x'.repeat(30), 10],
  ['a body that is longer than announced', [['content-length', '100']], 'wxyz'.repeat(1000), 10],
  ['of a large body that of the level', [['content-length', '300000']], 'x'.repeat(300_000), 23],
] as const) {
  test(`the window of zstd: ${what}`, async () => {
    const { config } = compile('zstd', { compressionLevel: 22 }, { requestDirectionConfig: {} })
    const chain = new Chain()
    const filter = config.createFilter(chain.callbacks) as Required<HttpFilter>
    filter.decodeHeaders(HeaderMap.of(headers), false)
    filter.decodeData(BodyBuffer.of(body.slice(0, 1)), false)
    filter.decodeData(BodyBuffer.of(body.slice(1)), true)
    await chain.body()
    const frame = Buffer.concat(chain.parts)
    assert.equal(frame[4] & 0x20, 0)
    assert.equal(10 + (frame[5] >> 3), window)
    assert.equal(zstdDecompressSync(frame).toString(), body)
    filter.onDestroy()
    await chain.closed()
  })
}

test('zstd: one frame, however the body comes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string(), { maxLength: 6 }),
      fc.boolean(),
      fc.boolean(),
      async (parts, late, whole) => {
        const { config } = compile('zstd', {}, { requestDirectionConfig: {} })
        const chain = new Chain()
        const filter = config.createFilter(chain.callbacks) as Required<HttpFilter>
        filter.decodeHeaders(new HeaderMap(), false)
        for (const part of parts) filter.decodeData(BodyBuffer.of(Buffer.from(part)), false)
        if (late) while (parts.join('') !== '' && chain.parts.length === 0) await setImmediate()
        filter.decodeData(whole ? BodyBuffer.of('end') : new BodyBuffer(), true)
        await chain.body()
        const sent = Buffer.concat(chain.parts)
        assert.equal(zstdDecompressSync(sent).toString(), parts.join('') + (whole ? 'end' : ''))
        assert.equal([...new ZstdFrames().split(sent)].length, 1)
        filter.onDestroy()
        await chain.closed()
      },
    ),
    { numRuns: 50 },
  )
})
