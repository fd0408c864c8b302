import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { DecompressorSchema } from '../../../../gen/envoy/extensions/filters/http/decompressor/v3/decompressor_pb.ts'
import { BodyBuffer } from '../../../base/body-buffer.ts'
import { HeaderMap } from '../../../base/header-map.ts'
import { registry } from '../../../xds/registry.ts'
import type { FactoryContext } from '../../context.ts'
import type { HttpFilter, HttpFilterConfig } from '../../http/filter.ts'
import { StatsStore } from '../../stats/store.ts'
import { decompressor } from './decompressor.ts'
import { Chain } from './testing.ts'

const TYPE = 'type.googleapis.com/envoy.extensions.compression'
const GZIP = { '@type': `${TYPE}.gzip.decompressor.v3.Gzip` }
const BROTLI = { '@type': `${TYPE}.brotli.decompressor.v3.Brotli` }

function compile(library: JsonObject, more: JsonObject = {}, name = 'lib') {
  const json = { decompressorLibrary: { name, typedConfig: library }, ...more }
  const stats = new StatsStore()
  const context = { stats, statPrefix: 'http.in.' } as unknown as FactoryContext
  const config = decompressor.create(fromJson(DecompressorSchema, json, { registry }), context) as HttpFilterConfig
  return { config, count: (name: string) => stats.snapshot().counters[`http.in.decompressor.lib.${name}`] }
}

/** A response that begins with these headers. */
function respond(config: HttpFilterConfig, headers: HeaderMap, chain = new Chain()) {
  const filter = config.createFilter(chain.callbacks) as Required<HttpFilter>
  filter.encodeHeaders(headers, false)
  return { filter, chain }
}

const encoded = (coding: string, ...more: [string, string][]) =>
  HeaderMap.of([[':status', '200'], ['content-encoding', coding], ['content-length', '5'], ...more])

describe('decompressor', () => {
  // The bounds are those of Envoy's protos; zlib throws beyond most of them.
  for (const [library, field, value] of [
    [GZIP, 'window_bits', 8],
    [GZIP, 'window_bits', 16],
    [GZIP, 'chunk_size', 4095],
    [GZIP, 'max_inflate_ratio', 0],
    [GZIP, 'max_inflate_ratio', 1033],
    [BROTLI, 'chunk_size', 65_537],
  ] as const) {
    test(`refused: ${field} ${value} of ${library['@type']}`, () => {
      assert.throws(
        () => compile({ ...library, [field]: value }),
        new RegExp(`decompressor_library\\.typed_config\\.${field}: must be from`),
      )
    })
  }

  test('refused: a library that cannot decompress; a name that no trailer can have', () => {
    assert.throws(() => compile({ '@type': `${TYPE}.gzip.compressor.v3.Gzip` }), /typed_config: decompressor envoy/)
    assert.throws(() => compile(GZIP, {}, 'a b'), /decompressor_library\.name: must be a token/)
  })

  for (const [what, library, coding, compress, end] of [
    ['gzip', GZIP, 'gzip', gzipSync, 'data'],
    ['gzip before trailers', GZIP, 'gzip', gzipSync, 'trailers'],
    ['brotli', BROTLI, 'br', brotliCompressSync, 'data'],
    ['brotli before trailers', BROTLI, 'br', brotliCompressSync, 'trailers'],
  ] as const) {
    test(`${what}: cut anywhere`, async () => {
      const { config, count } = compile(library)
      const body = compress('here is a body, and here it is again')
      for (let cut = 0; cut <= body.length; cut++) {
        const headers = encoded(coding)
        const { filter, chain } = respond(config, headers)
        assert.deepEqual([headers.get('content-encoding'), headers.get('content-length')], [undefined, undefined])
        filter.encodeData(BodyBuffer.of(body.subarray(0, cut)), false)
        filter.encodeData(BodyBuffer.of(body.subarray(cut)), end === 'data')
        if (end === 'trailers') {
          chain.trailers = HeaderMap.of([['x-own', '1']])
          filter.encodeTrailers(chain.trailers)
        }
        assert.equal(await chain.body(), 'here is a body, and here it is again')
        assert.equal(chain.trailers?.get('x-own'), end === 'trailers' ? '1' : undefined)
        assert.equal(chain.trailers?.get('x-envoy-decompressor-lib-compressed-bytes'), String(body.length))
        assert.equal(chain.trailers?.get('x-envoy-decompressor-lib-uncompressed-bytes'), '36')
        filter.onDestroy()
        await chain.closed()
      }
      const name = what.split(' ')[0]
      assert.equal(count(`${name}.response.decompressed`), body.length + 1)
      assert.equal(count(`${name}.response.total_compressed_bytes`), body.length * (body.length + 1))
      assert.equal(count(`${name}.response.total_uncompressed_bytes`), 36 * (body.length + 1))
    })
  }

  test('RFC 9110 8.4: the last coding is outermost, over several lines, in any case', () => {
    const { config, count } = compile(GZIP)
    for (const [coding, rest] of [
      ['br, gzip', 'br'],
      ['br ,deflate,GZIP ', 'br ,deflate'],
      ['gzip', undefined],
    ] as const) {
      const headers = encoded(coding)
      respond(config, headers).filter.onDestroy()
      assert.equal(headers.get('content-encoding'), rest)
    }
    const lines = encoded('br', ['content-encoding', 'gzip'])
    respond(config, lines).filter.onDestroy()
    assert.deepEqual(lines.getAll('content-encoding'), ['br'])
    for (const coding of ['gzip, br', 'x', '']) {
      const headers = encoded(coding)
      respond(config, headers)
      assert.deepEqual([headers.get('content-encoding'), headers.get('content-length')], [coding, '5'])
    }
    assert.equal(count('gzip.response.decompressed'), 4)
    assert.equal(count('gzip.response.not_decompressed'), 3)
  })

  test('a body that is broken goes on as far as it went, and what follows is dropped', async () => {
    const { config, count } = compile({ ...GZIP, maxInflateRatio: 1032 })
    const { filter, chain } = respond(config, encoded('gzip'))
    const good = gzipSync(Buffer.alloc(10_000, 'good'))
    const broken = Buffer.from(good)
    broken[broken.length - 6] ^= 1
    filter.encodeData(BodyBuffer.of(broken), false)
    await chain.closed()
    filter.encodeData(BodyBuffer.of(good), true)
    const body = await chain.body()
    assert.ok(body.length >= 8192 && body === Buffer.alloc(body.length, 'good').toString())
    assert.equal(count('gzip.decompressor_library.zlib_data_error'), 1)
  })

  test('a bomb: no more than the ratio, and the stream goes on', async () => {
    const { config, count } = compile({ ...GZIP, maxInflateRatio: 10 })
    const { filter, chain } = respond(config, encoded('gzip'))
    const bomb = gzipSync(Buffer.alloc(10_000_000))
    filter.encodeData(BodyBuffer.of(bomb.subarray(0, 5000)), false)
    await chain.closed()
    filter.encodeData(BodyBuffer.of(bomb.subarray(5000)), true)
    assert.equal((await chain.body()).length, 13 * 4096)
    assert.equal(chain.trailers?.get('x-envoy-decompressor-lib-compressed-bytes'), String(bomb.length))
    assert.equal(count('gzip.decompressor_library.zlib_data_error'), 1)
  })

  test('those behind take nothing: the codec stops, with little made and the peer told', async () => {
    const { config, count } = compile({ ...GZIP, maxInflateRatio: 1032 })
    const { filter, chain } = respond(config, encoded('gzip'))
    chain.codecs[0].pause()
    const bomb = gzipSync(Buffer.alloc(20_000_000))
    filter.encodeData(BodyBuffer.of(bomb), false)
    await sleep(50)
    assert.deepEqual([chain.parts.length, chain.fulls, chain.drains], [0, 1, 0])
    assert.ok(chain.codecs[0].readableLength <= 65_536)
    chain.codecs[0].resume()
    filter.encodeData(new BodyBuffer(), true)
    assert.equal((await chain.body()).length, 20_000_000)
    assert.equal(chain.drains, 1)
    assert.equal(count('gzip.response.total_uncompressed_bytes'), 20_000_000)
  })

  test('an aborted stream lets go of its codecs, and nothing follows', async () => {
    const { config } = compile(GZIP)
    const chain = new Chain()
    const { filter } = respond(config, encoded('gzip'), chain)
    filter.decodeHeaders(encoded('gzip'), false)
    const bomb = BodyBuffer.of(gzipSync(Buffer.alloc(1_000_000)))
    filter.encodeData(bomb, false)
    filter.onDestroy()
    await chain.closed()
    assert.equal(chain.codecs.length, 2)
    assert.deepEqual([chain.parts.length, chain.ended], [0, false])
  })

  test('nothing that ends with its headers is touched', () => {
    const { config, count } = compile(GZIP)
    const filter = config.createFilter(new Chain().callbacks) as Required<HttpFilter>
    const headers = encoded('gzip')
    filter.encodeHeaders(headers, true)
    assert.equal(headers.get('content-encoding'), 'gzip')
    assert.deepEqual([count('gzip.response.decompressed'), count('gzip.response.not_decompressed')], [0, 0])
  })
})
