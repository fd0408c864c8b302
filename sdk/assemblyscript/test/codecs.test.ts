import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createTestHost } from '../../../src/wasm/index.ts'
import { fixture } from './build-all.ts'

const host = createTestHost()
const plugin = host.start(await fixture('codecs', '0.2.1'), {})

function ask(what: string, input: Uint8Array | string, more: readonly [string, string][] = []): string {
  const stream = host.stream(plugin)
  const encoded = typeof input === 'string' ? input : Buffer.from(input).toString('base64')
  stream.request([['x-what', what], ['x-input', encoded], ...more])
  assert.equal(stream.failure, undefined)
  const body = Buffer.from(stream.localReply!.body).toString('utf8')
  stream.finish()
  return body
}
const json = (text: string | Uint8Array) => ask('json', typeof text === 'string' ? Buffer.from(text) : text)

describe('the JSON reader', () => {
  // RFC 8259, and what JSONTestSuite (nst/JSONTestSuite) files under y_, n_ and i_.
  const good = [
    ' {"a" : [1, -0, 1.5e+3, 0.1E-2, true, false, null, "x"]} ',
    '""',
    '"\\u0041\\u00e9\\ud834\\udd1e\\/\\b\\f\\n\\r\\t\\"\\\\"',
    '"é☃𝄞"',
    '[]',
    '{}',
    '[[[]]]',
    '{"":0}',
    '\t\n\r 7 ',
  ]
  for (const text of good) {
    test(`takes ${JSON.stringify(text)}`, () => assert.deepEqual(JSON.parse(json(text)), JSON.parse(text)))
  }
  const bad: (string | Uint8Array)[] = [
    '',
    ' ',
    '{',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '[1 2]',
    '01',
    '-',
    '+1',
    '.5',
    '1.',
    '1e',
    '0x10',
    'NaN',
    'Infinity',
    'tru',
    'nullx',
    '"a',
    '"\n"',
    '"\\x"',
    '"\\u12"',
    '"\\ud800"',
    '"\\ud800\\u0041"',
    '"\\udc00"',
    '[1]]',
    '{} {}',
    '{"a" 1}',
    '{"a":1 "b":2}',
    '{"a":1,"a":2}',
    '// c\n1',
    '\ufeff{}',
    Uint8Array.of(0x22, 0xff, 0x22),
    Uint8Array.of(0x22, 0xc0, 0x80, 0x22),
    Uint8Array.of(0x22, 0xe0, 0x9f, 0xbf, 0x22),
    Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22),
    Uint8Array.of(0x22, 0xf4, 0x90, 0x80, 0x80, 0x22),
    Uint8Array.of(0x22, 0xe2, 0x82),
    Uint8Array.of(0x22, 0xf5, 0x80, 0x80, 0x80, 0x22),
  ]
  for (const text of bad) {
    test(`refuses ${JSON.stringify(typeof text === 'string' ? text : [...text])}`, () => {
      assert.match(json(text), /^error: .* at byte \d+$/)
    })
  }

  test('refuses what is nested too deeply, and takes what is just not', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
    assert.equal(json(nested(64)), nested(64))
    assert.match(json(nested(65)), /^error: too deep/)
    assert.match(json('['.repeat(100_000)), /^error: too deep/)
  })

  test('reads whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        assert.deepEqual(JSON.parse(json(text)), JSON.parse(text))
      }),
      { numRuns: 300 },
    )
  })

  test('says yes and no where JSON.parse does, whatever is done to a text', () => {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    const text = fc.json().map((each) => Buffer.from(each))
    const mutation = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom('set', 'insert', 'remove'))
    fc.assert(
      fc.property(text, fc.array(mutation, { maxLength: 3 }), (original, mutations) => {
        const bytes = [...original]
        for (const [place, byte, how] of mutations) {
          const at = place % (bytes.length + 1)
          bytes.splice(at, how === 'insert' ? 0 : 1, ...(how === 'remove' ? [] : [byte]))
        }
        const said = json(Uint8Array.from(bytes))
        let wanted: unknown
        try {
          wanted = JSON.parse(decoder.decode(Uint8Array.from(bytes)))
        } catch {
          assert.match(said, /^error: /)
          return
        }
        // Stricter than JSON.parse in two points: names that are there twice, and surrogates that stand alone.
        if (/^error: (the name .* is there twice|an escape that is no character)/s.test(said)) return
        assert.deepEqual(JSON.parse(said), wanted)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a whole number', () => {
  for (const [text, expected] of [
    ['0', '0'],
    ['20', '20'],
    ['-0', '0'],
    ['-1', '-1'],
    ['20.9', '20'],
    ['2e1', '20'],
    ['"20"', '20'],
    ['" 20 "', '20'],
    ['"-1"', '-1'],
    ['"2.5"', '-1'],
    ['""', '-1'],
    ['"x"', '-1'],
    ['9223372036854775807', '9223372036854775807'],
    ['9223372036854775808', '-1'],
    ['99999999999999999999', '-1'],
    ['1e30', '-1'],
    ['true', '-1'],
    ['null', '-1'],
    ['[]', '-1'],
    ['{}', '-1'],
  ]) {
    test(`${text} is ${expected}`, () => assert.equal(ask('unsigned', Buffer.from(text)), expected))
  }
})

describe('base64', () => {
  test('encodes what Node encodes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) =>
        assert.equal(ask('base64', bytes), Buffer.from(bytes).toString('base64')),
      ),
    )
  })
  for (const [text, good] of [
    ['YQ==', true],
    ['YQ', true],
    ['YWI=', true],
    ['YWJj', true],
    ['', true],
    ['Y', false],
    ['YQ=', false],
    ['YQ===', false],
    ['YR==', false],
    ['YW.=', false],
    ['Y Q=', false],
    ['YQ==YQ==', false],
    ['-_-_', false],
  ] as const) {
    test(`${JSON.stringify(text)} is ${good ? '' : 'not '}base64`, () => {
      assert.equal(ask('base64', text) !== 'not base64', good)
    })
  }
})

test('comparing in constant time finds equal what is equal, and nothing else', () => {
  const text = fc.string({ unit: 'grapheme-ascii', maxLength: 12 }).filter((each) => each.trim() === each)
  fc.assert(
    fc.property(text, text, fc.boolean(), (a, b, same) => {
      const secret = same ? a : b
      assert.equal(ask('equal', Buffer.from(a), [['x-secret', secret]]), a === secret ? 'equal' : 'different')
    }),
  )
})
