import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compileSchema, type SchemaNode } from './index.ts'

const say = (node: SchemaNode, value: unknown, old?: unknown) => {
  const schema = compileSchema({ type: 'object', properties: { f: node } })
  const errors = schema.validate({ f: value }, old === undefined ? undefined : { f: old })
  return errors.map(({ field, reason, message }) => `${field} ${reason} ${message}`)
}

const invalid = (text: string, field = 'f') => `${field} FieldValueInvalid Invalid value: ${text}`
const wrongType = (got: string, wanted: string) =>
  `f FieldValueTypeInvalid Invalid value: "${got}": f in body must be of type ${wanted}: "${got}"`

type Row = [name: string, schema: SchemaNode, value: unknown, ...says: string[]]

// The wording of kube-openapi's validation/errors/schema.go and apimachinery's field/errors.go.
const KEYWORDS: readonly Row[] = [
  ['string', { type: 'string' }, 'x'],
  ['integer for string', { type: 'string' }, 1, wrongType('integer', 'string')],
  ['null', { type: 'string' }, null, wrongType('null', 'string')],
  ['null where it may be', { type: 'string', nullable: true }, null],
  ['object for array', { type: 'array', items: { type: 'string' } }, {}, wrongType('object', 'array')],
  ['fraction for integer', { type: 'integer' }, 1.5, wrongType('number', 'integer')],
  ['integer for number', { type: 'number' }, 1],
  ['boolean for object', { type: 'object' }, true, wrongType('boolean', 'object')],
  ['int-or-string, int', { 'x-kubernetes-int-or-string': true }, 1],
  ['int-or-string, string', { 'x-kubernetes-int-or-string': true }, '10%'],
  ['int-or-string, neither', { 'x-kubernetes-int-or-string': true }, true, wrongType('boolean', 'integer,string')],
  ['minLength', { type: 'string', minLength: 2 }, 'a', invalid('"a": f in body should be at least 2 chars long')],
  ['lengths are counted in characters', { type: 'string', minLength: 2, maxLength: 2 }, '😀é'],
  ['maxLength', { type: 'string', maxLength: 1 }, 'ab', 'f FieldValueTooLong Too long: may not be more than 1 bytes'],
  ['pattern', { type: 'string', pattern: '^a$' }, 'b', invalid(`"b": f in body should match '^a$'`)],
  ['pattern anywhere', { type: 'string', pattern: 'b' }, 'abc'],
  [
    'enum',
    { type: 'string', enum: ['a', 'b'] },
    'c',
    'f FieldValueNotSupported Unsupported value: "c": supported values: "a", "b"',
  ],
  [
    'enum of numbers',
    { type: 'integer', enum: [1, 2] },
    3,
    'f FieldValueNotSupported Unsupported value: 3: supported values: "1", "2"',
  ],
  ['minimum', { type: 'integer', minimum: 1 }, 0, invalid('0: f in body should be greater than or equal to 1')],
  [
    'exclusive minimum',
    { type: 'integer', minimum: 1, exclusiveMinimum: true },
    1,
    invalid('1: f in body should be greater than 1'),
  ],
  ['maximum', { type: 'number', maximum: 1 }, 1.5, invalid('1.5: f in body should be less than or equal to 1')],
  [
    'exclusive maximum',
    { type: 'integer', maximum: 1, exclusiveMaximum: true },
    1,
    invalid('1: f in body should be less than 1'),
  ],
  ['multipleOf', { type: 'integer', multipleOf: 3 }, 4, invalid('4: f in body should be a multiple of 3')],
  ['int32 says nothing', { type: 'integer', format: 'int32' }, 2 ** 31],
  ['minItems', { type: 'array', minItems: 1, items: {} }, [], invalid('0: f in body should have at least 1 items')],
  [
    'maxItems',
    { type: 'array', maxItems: 1, items: {} },
    [1, 2],
    'f FieldValueTooMany Too many: 2: must have at most 1 item',
  ],
  [
    'minProperties',
    { type: 'object', minProperties: 1 },
    {},
    invalid('0: f in body should have at least 1 properties'),
  ],
  [
    'maxProperties',
    { type: 'object', maxProperties: 1 },
    { a: 1, b: 2 },
    'f FieldValueTooMany Too many: 2: must have at most 1 item',
  ],
  ['required', { type: 'object', required: ['a'] }, {}, 'f.a FieldValueRequired Required value'],
  [
    'values of a map',
    { type: 'object', additionalProperties: { type: 'string' } },
    { k: 1 },
    'f.k FieldValueTypeInvalid Invalid value: "integer": f.k in body must be of type string: "integer"',
  ],
  [
    'set',
    { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    ['a', 'b', 'a', 'a'],
    'f[2] FieldValueDuplicate Duplicate value: "a"',
  ],
  [
    'map by two keys',
    {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['z', 'a'],
      items: { type: 'object' },
    },
    [
      { z: 1, a: 'x' },
      { z: 2, a: 'x' },
      { a: 'x', z: 1, more: true },
    ],
    'f[2] FieldValueDuplicate Duplicate value: {"a":"x","z":1}',
  ],
]

const AB: SchemaNode = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } }
const nowhere = (text: string) => invalid(`"": "f" ${text}`, '<nil>')

const JUNCTORS: readonly Row[] = [
  ['anyOf', { ...AB, anyOf: [{ required: ['a'] }, { required: ['b'] }] }, { a: '', b: '' }],
  [
    'anyOf, none',
    { ...AB, anyOf: [{ required: ['a'] }, { required: ['b'] }] },
    {},
    nowhere('must validate at least one schema (anyOf)'),
    'f.a FieldValueRequired Required value',
  ],
  ['oneOf', { ...AB, oneOf: [{ required: ['a'] }, { required: ['b'] }] }, { b: '' }],
  [
    'oneOf, none',
    { ...AB, oneOf: [{ required: ['a'] }, { required: ['b'] }] },
    {},
    nowhere('must validate one and only one schema (oneOf). Found none valid'),
    'f.a FieldValueRequired Required value',
  ],
  [
    'oneOf, two',
    { ...AB, oneOf: [{ required: ['a'] }, { required: ['b'] }] },
    { a: '', b: '' },
    nowhere('must validate one and only one schema (oneOf). Found 2 valid alternatives'),
  ],
  [
    'allOf',
    { ...AB, allOf: [{ required: ['a'] }, { required: ['b'] }] },
    { a: '' },
    'f.b FieldValueRequired Required value',
    nowhere('must validate all the schemas (allOf)'),
  ],
  ['not', { ...AB, not: { required: ['a'] } }, { a: '' }, nowhere('must not validate the schema (not)')],
]

const FORMATS: readonly [format: string, good: string[], bad: string[]][] = [
  [
    'date-time',
    ['2024-01-02T03:04:05Z', '2024-01-02T03:04:05.678+01:00'],
    ['2024-01-02', '2024-13-02T03:04:05Z', 'now'],
  ],
  ['date', ['2024-01-02'], ['2024-1-2', '2024-02-31T00:00:00Z']],
  ['duration', ['1s', '1h30m', '1.5s', '-1ms', '0'], ['1', 's', '1x', '']],
  ['byte', ['', 'YQ==', 'YWI='], ['a', 'YQ=', '!!!!']],
  ['uuid', ['123e4567-e89b-12d3-a456-426614174000'], ['123e4567']],
  ['ipv4', ['10.0.0.1'], ['10.0.0', '10.0.0.256', '::1']],
  ['ipv6', ['::1', 'fe80::1'], ['10.0.0.1', '::g']],
  ['cidr', ['10.0.0.0/8', '::/0'], ['10.0.0.0', '10.0.0.0/33']],
  ['unheard-of', ['anything'], []],
]

for (const [title, rows] of Object.entries({ KEYWORDS, JUNCTORS })) {
  describe(title.toLowerCase(), () => {
    for (const [name, schema, value, ...says] of rows) {
      test(name, () => assert.deepEqual(say(schema, value).sort(), says.sort()))
    }
  })
}

describe('formats', () => {
  for (const [format, good, bad] of FORMATS) {
    test(format, () => {
      for (const text of good) assert.deepEqual(say({ type: 'string', format }, text), [], text)
      for (const text of bad) {
        const quoted = JSON.stringify(text)
        const expected = `f FieldValueTypeInvalid Invalid value: ${quoted}: f in body must be of type ${format}: ${quoted}`
        assert.deepEqual(say({ type: 'string', format }, text), [expected], text)
      }
    })
  }
})

test('a pattern cannot take more than linear time', () => {
  const text = `${'a'.repeat(20_000)}!`
  assert.deepEqual(say({ type: 'string', pattern: '^(a+)+$' }, text).length, 1)
})

describe('what has not changed is not looked at again (ratcheting)', () => {
  const item: SchemaNode = { type: 'object', properties: { k: { type: 'string' }, v: { type: 'integer', maximum: 9 } } }
  const atomic: SchemaNode = { type: 'array', items: item }
  const keyed: SchemaNode = { ...atomic, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'] }
  const tooBig = (at: string) =>
    `${at} FieldValueInvalid Invalid value: 10: ${at} in body should be less than or equal to 9`
  const table: [name: string, schema: SchemaNode, old: unknown, value: unknown, ...says: string[]][] = [
    ['the same value', { type: 'string', maxLength: 1 }, 'ab', 'ab'],
    [
      'another value',
      { type: 'string', maxLength: 1 },
      'ab',
      'abc',
      'f FieldValueTooLong Too long: may not be more than 1 bytes',
    ],
    ['beside a change', item, { k: 'a', v: 10 }, { k: 'b', v: 10 }],
    ['an item found by its key', keyed, [{ k: 'a', v: 10 }], [{ k: 'b' }, { k: 'a', v: 10 }]],
    ['an item of a list without keys', atomic, [{ k: 'a', v: 10 }], [{ k: 'b' }, { k: 'a', v: 10 }], tooBig('f[1].v')],
    ['a list that stays as a whole', atomic, [{ v: 10 }], [{ v: 10 }]],
    [
      'a duplicate that was there',
      { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
      ['a', 'a'],
      ['a', 'a'],
    ],
    ['a required field that was missing', { ...item, required: ['k'] }, { v: 1 }, { v: 1 }],
    [
      'a required field that is removed',
      { ...item, required: ['k'] },
      { k: 'a' },
      {},
      'f.k FieldValueRequired Required value',
    ],
    [
      'inside an atomic map nothing is found again',
      { ...item, 'x-kubernetes-map-type': 'atomic' },
      { k: 'a', v: 10 },
      { k: 'b', v: 10 },
      tooBig('f.v'),
    ],
  ]
  for (const [name, schema, old, value, ...says] of table) {
    test(name, () => assert.deepEqual(say(schema, value, old), says))
  }
})
