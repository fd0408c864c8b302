import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodeBody } from './body.ts'
import { duplicateKeys } from './duplicate-keys.ts'
import { negotiate } from './negotiate.ts'

describe('what the client accepts', () => {
  const cases: [string | undefined, string][] = [
    [undefined, 'object json'],
    ['*/*', 'object json'],
    [
      'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json',
      'Table json',
    ],
    ['application/vnd.kubernetes.protobuf,application/json', 'object json'],
    [
      'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json',
      'PartialObjectMetadata json',
    ],
    ['application/yaml', 'object yaml'],
    ['text/html,application/json;q=0.5', 'object json'],
    ['application/yaml;q=0.1, application/json', 'object json'],
  ]
  for (const [accept, expected] of cases) {
    test(String(accept), () => {
      const { as, encoding } = negotiate(accept)
      assert.equal(`${as} ${encoding}`, expected)
    })
  }
  for (const accept of [
    'text/html',
    'application/vnd.kubernetes.protobuf',
    'application/json;as=Table;v=v2;g=meta.k8s.io',
  ]) {
    test(`${accept}: 406`, () => assert.throws(() => negotiate(accept), { code: 406 }))
  }
})

describe('duplicate keys', () => {
  const cases: [string, string[]][] = [
    ['{"a":1,"b":2}', []],
    ['{"a":1,"a":2,"a":3}', ['a']],
    ['{"s":{"x":{},"x":[]},"t":[{"k":"}"},{"k":1,"k":2}]}', ['s.x', 't[1].k']],
    ['{"a\\"}":1,"a\\"}":2}', ['a"}']],
    ['{"\\u0061":1,"a":2}', ['a']],
    ['[[],{},"",null,-1.5e3,true]', []],
    [' { "a" : [ 1 , 2 ] , "b" : { } } ', []],
  ]
  for (const [text, expected] of cases) test(text, () => assert.deepEqual(duplicateKeys(text), expected))

  test('there are none in what JSON.stringify makes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 3 }), (value, indent) =>
        assert.deepEqual(duplicateKeys(JSON.stringify(value, null, indent)), []),
      ),
    )
  })
})

describe('bodies', () => {
  test('JSON, YAML, YAML that is JSON, none', () => {
    assert.deepEqual(decodeBody(Buffer.from('{"a":1}'), 'application/json')?.value, { a: 1 })
    assert.deepEqual(decodeBody(Buffer.from('{"a":1}'), undefined)?.value, { a: 1 })
    assert.deepEqual(decodeBody(Buffer.from('a: 1\nb: [x]'), 'application/yaml')?.value, { a: 1, b: ['x'] })
    assert.deepEqual(decodeBody(Buffer.from('{"a":1,"a":2}'), 'application/apply-patch+yaml')?.duplicates, ['a'])
    assert.equal(decodeBody(Buffer.alloc(0), 'application/json'), undefined)
  })
  const bad: [string, string, number][] = [
    ['{', 'application/json', 400],
    ['a: [', 'application/yaml', 400],
    ['x', 'text/plain', 415],
    ['x', 'application/vnd.kubernetes.protobuf', 415],
    ['k8s\0\xff\xff', 'application/vnd.kubernetes.protobuf', 400],
  ]
  for (const [text, type, code] of bad) {
    test(`${JSON.stringify(text)} as ${type}: ${code}`, () =>
      assert.throws(() => decodeBody(Buffer.from(text, 'latin1'), type), { code }))
  }
})
