import assert from 'node:assert/strict'
import type { Writable } from 'node:stream'
import { describe, test } from 'node:test'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import { DecompressorSchema } from '../../../../gen/envoy/extensions/filters/http/decompressor/v3/decompressor_pb.ts'
import { BodyBuffer } from '../../../base/body-buffer.ts'
import { HeaderMap } from '../../../base/header-map.ts'
import { registry } from '../../../xds/registry.ts'
import type { FactoryContext } from '../../context.ts'
import type { HttpFilter, HttpFilterConfig } from '../../http/filter.ts'
import { StatsStore } from '../../stats/store.ts'
import { decompressor } from './decompressor.ts'
import { Chain, DICTIONARY } from './testing.ts'

const TYPE = 'type.googleapis.com/envoy.extensions.compression'
const GZIP = { '@type': `${TYPE}.gzip.decompressor.v3.Gzip` }
const ZSTD = { '@type': `${TYPE}.zstd.decompressor.v3.Zstd` }
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
    [ZSTD, 'chunk_size', 4095],
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
    ['zstd', ZSTD, 'zstd', zstdCompressSync, 'data'],
    ['zstd before trailers', ZSTD, 'zstd', zstdCompressSync, 'trailers'],
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

  test('zstd: all frames of a body (RFC 8878 3)', async () => {
    const { config, count } = compile(ZSTD)
    const { filter, chain } = respond(config, encoded('zstd'))
    const skippable = Buffer.from('502a4d1802000000ffff', 'hex')
    const frames = ['one', 'two', ''].map((text) => zstdCompressSync(text))
    filter.encodeData(BodyBuffer.of(Buffer.concat([skippable, ...frames, skippable])), true)
    assert.equal(await chain.body(), 'onetwo')
    assert.equal(count('zstd.decompressor_library.zstd_generic_error'), 0)
  })

  test('zstd: of a body of tiny frames few wait for the codec, and the peer does', async () => {
    const { config } = compile(ZSTD)
    const { filter, chain } = respond(config, encoded('zstd'))
    const [one, skippable] = [zstdCompressSync('a'), Buffer.from('502a4d1800000000', 'hex')]
    filter.encodeData(BodyBuffer.of(Buffer.concat(Array(1000).fill([one, skippable]).flat())), false)
    assert.ok((chain.codecs[0] as unknown as Writable).writableLength <= one.length)
    assert.equal(chain.fulls, 1)
    while (chain.drains === 0) await setImmediate()
    filter.encodeData(BodyBuffer.of(Buffer.concat([skippable, one])), false)
    filter.encodeData(BodyBuffer.of(one), true)
    assert.equal(await chain.body(), 'a'.repeat(1002))
    filter.onDestroy()
    await chain.closed()
  })

  test('zstd: an aborted stream drops what waits', async () => {
    const { config, count } = compile(ZSTD)
    const { filter, chain } = respond(config, encoded('zstd'))
    filter.encodeData(BodyBuffer.of(Buffer.concat(Array(1000).fill(zstdCompressSync('a')))), true)
    while (chain.parts.length === 0) await setImmediate()
    filter.onDestroy()
    await chain.closed()
    assert.ok(chain.parts.length < 1000 && !chain.ended)
    assert.equal(count('zstd.decompressor_library.zstd_generic_error'), 0)
  })

  for (const [what, counter, body] of [
    ['no zstd', 'zstd_generic_error', Buffer.from('this is no zstd at all')],
    ['a wrong checksum', 'zstd_checksum_wrong_error', wrongChecksum()],
    ['a dictionary that is not there', 'zstd_dictionary_error', zstdCompressSync('x', { dictionary: DICTIONARY })],
    ['RFC 9659: a window above 8 MB', 'zstd_generic_error', largeWindow()],
    ['a bomb', 'zstd_generic_error', zstdCompressSync(Buffer.alloc(10_000_000))],
  ] as const) {
    test(`zstd: ${what}`, async () => {
      const { config, count } = compile(ZSTD)
      const { filter, chain } = respond(config, encoded('zstd'))
      filter.encodeData(BodyBuffer.of(body), true)
      const { length } = await chain.body()
      assert.ok(length <= body.length * 100 + 4096, `${length} bytes`)
      assert.equal(chain.trailers?.get('x-envoy-decompressor-lib-compressed-bytes'), String(body.length))
      for (const kind of ['generic', 'dictionary', 'checksum_wrong', 'memory']) {
        const name = `zstd_${kind}_error`
        assert.equal(count(`zstd.decompressor_library.${name}`), name === counter ? 1 : 0, name)
      }
    })
  }

  test('zstd: a dictionary', async () => {
    const { config } = compile({ ...ZSTD, dictionaries: [{ inlineBytes: DICTIONARY.toString('base64') }] })
    for (const options of [{ dictionary: DICTIONARY }, {}]) {
      const { filter, chain } = respond(config, encoded('zstd'))
      filter.encodeData(BodyBuffer.of(zstdCompressSync('{"id": 7919, "name": "user 1"}', options)), true)
      assert.equal(await chain.body(), '{"id": 7919, "name": "user 1"}')
    }
  })

  test('refused: dictionaries that are none, or several', () => {
    const given = (...list: Buffer[]) => ({
      ...ZSTD,
      dictionaries: list.map((one) => ({ inlineBytes: one.toString('base64') })),
    })
    const junk = Buffer.concat([DICTIONARY.subarray(0, 8), Buffer.alloc(40)])
    for (const bad of [Buffer.from('text'), junk, Buffer.from('37a430ec00000000', 'hex')]) {
      assert.throws(() => compile(given(bad)), /typed_config\.dictionaries\[0\]: /)
    }
    assert.throws(() => compile(given(DICTIONARY, DICTIONARY)), /typed_config\.dictionaries\[1\]: more than one/)
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

function wrongChecksum(): Buffer {
  const body = zstdCompressSync('text', { params: { [constants.ZSTD_c_checksumFlag]: 1 } })
  body[body.length - 1] ^= 1
  return body
}

/** A frame header with a window of 16 MB, and one raw block. */
function largeWindow(): Buffer {
  return Buffer.from('28b52ffd007009000078', 'hex')
}
