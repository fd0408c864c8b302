import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { fromJson, type JsonObject } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { Http1ProtocolOptions_HeaderKeyFormatSchema as Schema } from '../../../gen/envoy/config/core/v3/protocol_pb.ts'
import { registry } from '../../xds/registry.ts'
import { headerKeyFormat, PROPER_CASE, spelt } from './header-key-format.ts'

setFlagsFromString('--expose-gc')
const gc: () => void = runInNewContext('gc')

const TYPE = 'type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig'

function compile(json: JsonObject) {
  return headerKeyFormat(fromJson(Schema, json, { registry }), 'header_key_format')
}

function received(head: string, fields: JsonObject = {}) {
  const format = compile({ statefulFormatter: { name: 'p', typedConfig: { '@type': TYPE, ...fields } } })
  const bytes = Buffer.from(head, 'latin1')
  const spelling = format?.received?.(bytes, 0, bytes.length)
  assert.ok(spelling !== undefined && format?.written === undefined)
  return spelling
}

test('nothing for nobody', () => {
  assert.equal(headerKeyFormat(undefined, ''), undefined)
})

test('refused: no format, another formatter, a type that is none', () => {
  assert.throws(() => compile({}), /header_key_format: a format is missing/)
  const typedConfig = { '@type': 'type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors' }
  assert.throws(() => compile({ statefulFormatter: { name: 'p', typedConfig } }), /stateful_formatter\.typed_config/)
  assert.throws(() => received('', { formatterTypeOnEnvoyHeaders: 2 }), /formatter_type_on_envoy_headers: must be/)
})

// The words of Envoy's documentation, and of its tests.
for (const [name, expected] of [
  ['content-type', 'Content-Type'],
  ['foo$b#$are', 'Foo$B#$Are'],
  ['te', 'Te'],
  ['x-b3-traceid', 'X-B3-Traceid'],
  ['a1b_c', 'A1b_C'],
  ['-', '-'],
] as const) {
  test(`proper_case_words: ${name}`, () => assert.equal(PROPER_CASE.of(name), expected))
}

test('what peers send is not remembered: neither names without end nor the heads that names stood in', () => {
  const long = 'x'.repeat(40_000)
  gc()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 500; i++) spelt(`GET / HTTP/1.1\r\nx-some-name-${i}: ${long}\r\n${long}${i}: 1\r\n`, PROPER_CASE)
  gc()
  const grown = process.memoryUsage().heapUsed - before
  assert.ok(grown < 4_000_000, `${grown} bytes of 40,000,000 are still held`)
})

test('of several spellings the first; what did not come is left or put in words', () => {
  const head = 'GET / HTTP/1.1\r\nHOST: a\r\nx-OnE: 1\r\nX-one: 2\r\nlow: :\r\n'
  const names = ['host', 'x-one', 'low', 'x-new']
  assert.deepEqual(
    names.map((name) => received(head).of(name)),
    ['HOST', 'x-OnE', 'low', 'x-new'],
  )
  const proper = received(head, { formatterTypeOnEnvoyHeaders: 'PROPER_CASE' })
  assert.deepEqual(
    names.map((name) => proper.of(name)),
    ['HOST', 'x-OnE', 'low', 'X-New'],
  )
})

test('the reason phrase, where it is asked for and there is one; the status stays', () => {
  for (const [line, fields, expected] of [
    ['HTTP/1.1 200 Fine', { forwardReasonPhrase: true }, 'HTTP/1.1 503 Fine'],
    ['HTTP/1.1 200 Fine', {}, 'HTTP/1.1 503 Service Unavailable'],
    ['HTTP/1.1 200 ', { forwardReasonPhrase: true }, 'HTTP/1.1 503 Service Unavailable'],
    ['HTTP/1.1 200', { forwardReasonPhrase: true }, 'HTTP/1.1 503 Service Unavailable'],
  ] as const) {
    const spelling = received(`${line}\r\n`, fields)
    assert.equal(spelt('HTTP/1.1 503 Service Unavailable\r\n', spelling), `${expected}\r\n`)
  }
})

test('no line but for the case of its name is another one', () => {
  const name = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/)
  const value = fc.stringMatching(/^[ -~\x80-\xff]{0,12}$/)
  const lines = (list: readonly (readonly [string, string])[]) => list.map(([n, v]) => `${n}: ${v}\r\n`).join('')
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), fc.array(fc.tuple(name, value)), (came, goes) => {
      const spelling = received(`GET / HTTP/1.1\r\n${lines(came)}`, { formatterTypeOnEnvoyHeaders: 'PROPER_CASE' })
      const head = `GET / HTTP/1.1\r\n${lines(goes.concat(came).map(([n, v]) => [n.toLowerCase(), v]))}`
      const written = spelt(head, spelling)
      assert.equal(written.length, head.length)
      const lowered = written.replace(/^[^:\r\n]+(?=: )/gm, (one) => one.toLowerCase())
      assert.equal(lowered.replace(/^.*\r\n/, ''), head.replace(/^.*\r\n/, ''))
      for (const [one] of came)
        assert.ok(came.some(([n]) => n.toLowerCase() === one.toLowerCase() && written.includes(`\n${n}: `)))
    }),
  )
})
