import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { kindSchema } from '../builtin/schema.ts'
import type { Json } from '../json.ts'
import { jsonPatch } from './json.ts'
import { mergePatch } from './merge.ts'
import { strategicMergePatch } from './strategic.ts'

describe('merge patch', () => {
  // RFC 7386, appendix A.
  const cases: [Json, Json, Json][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ]
  for (const [target, patch, result] of cases) {
    test(`${JSON.stringify(target)} + ${JSON.stringify(patch)}`, () =>
      assert.deepEqual(mergePatch(target, patch), result))
  }

  test('changes neither argument, and a second time changes nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
        const before = JSON.stringify([target, patch])
        const once = mergePatch(target, patch as Json)
        assert.equal(JSON.stringify([target, patch]), before)
        assert.deepEqual(mergePatch(once, patch as Json), once)
      }),
    )
  })

  test('__proto__ is a key like any other', () => {
    const patched = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}'))
    assert.ok(Object.hasOwn(patched as object, '__proto__'))
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  })
})

describe('JSON patch', () => {
  // RFC 6902, appendix A, and json-patch-tests of the JSON Patch site.
  const works: [string, Json, Json, Json][] = [
    ['A.1', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { foo: 'bar', baz: 'qux' }],
    ['A.2', { foo: ['bar', 'baz'] }, [{ op: 'add', path: '/foo/1', value: 'qux' }], { foo: ['bar', 'qux', 'baz'] }],
    ['A.3', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
    ['A.4', { foo: ['bar', 'qux', 'baz'] }, [{ op: 'remove', path: '/foo/1' }], { foo: ['bar', 'baz'] }],
    ['A.5', { baz: 'qux' }, [{ op: 'replace', path: '/baz', value: 'boo' }], { baz: 'boo' }],
    [
      'A.6',
      { foo: { bar: 'baz', waldo: 'fred' }, qux: {} },
      [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
      { foo: { bar: 'baz' }, qux: { thud: 'fred' } },
    ],
    [
      'A.7',
      { foo: ['all', 'grass', 'cows', 'eat'] },
      [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
      { foo: ['all', 'cows', 'eat', 'grass'] },
    ],
    [
      'A.8',
      { baz: 'qux', foo: ['a', 2, 'c'] },
      [
        { op: 'test', path: '/baz', value: 'qux' },
        { op: 'test', path: '/foo/1', value: 2 },
      ],
      { baz: 'qux', foo: ['a', 2, 'c'] },
    ],
    [
      'A.10',
      { foo: 'bar' },
      [{ op: 'add', path: '/child', value: { grandchild: {} } }],
      { foo: 'bar', child: { grandchild: {} } },
    ],
    [
      'A.11 unknown members are ignored',
      { foo: 'bar' },
      [{ op: 'add', path: '/baz', value: 'qux', xyz: 123 }],
      { foo: 'bar', baz: 'qux' },
    ],
    ['A.14 escapes', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
    [
      'A.16 end of a list',
      { foo: ['bar'] },
      [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }],
      { foo: ['bar', ['abc', 'def']] },
    ],
    ['whole document', { foo: 1 }, [{ op: 'replace', path: '', value: { bar: 2 } }], { bar: 2 }],
    [
      'copy',
      { a: { b: 1 } },
      [
        { op: 'copy', from: '/a', path: '/c' },
        { op: 'replace', path: '/c/b', value: 2 },
      ],
      { a: { b: 1 }, c: { b: 2 } },
    ],
    ['empty key', { '': 1 }, [{ op: 'replace', path: '/', value: 2 }], { '': 2 }],
  ]
  for (const [name, document, patch, result] of works) {
    test(name, () => assert.deepEqual(jsonPatch(document, patch), result))
  }

  const fails: [string, Json, Json, number][] = [
    ['A.9 failed test', { baz: 'qux' }, [{ op: 'test', path: '/baz', value: 'bar' }], 422],
    ['A.12 no parent', { foo: 'bar' }, [{ op: 'add', path: '/baz/bat', value: 'qux' }], 422],
    ['A.15 string is not number', { '~1': 10 }, [{ op: 'test', path: '/~01', value: '10' }], 422],
    ['out of bounds', { a: [1] }, [{ op: 'add', path: '/a/2', value: 1 }], 422],
    ['leading zero', { a: [1, 2] }, [{ op: 'remove', path: '/a/01' }], 422],
    ['remove nothing', {}, [{ op: 'remove', path: '/a' }], 422],
    ['into itself', { a: { b: {} } }, [{ op: 'move', from: '/a', path: '/a/b/c' }], 422],
    ['prototype', {}, [{ op: 'add', path: '/constructor/prototype/x', value: 1 }], 422],
    ['no such operation', {}, [{ op: 'spam', path: '/a' }], 400],
    ['no value', {}, [{ op: 'add', path: '/a' }], 400],
    ['not a list', {}, { op: 'add' }, 400],
    ['bad pointer', {}, [{ op: 'add', path: 'a', value: 1 }], 400],
    ['too many', {}, Array.from({ length: 10_001 }, () => ({ op: 'test', path: '', value: {} })), 413],
  ]
  for (const [name, document, patch, code] of fails) {
    test(name, () => assert.throws(() => jsonPatch(document, patch), { code }))
  }

  test('the document is not changed, even when a later operation fails', () => {
    const document = { a: { b: 1 } }
    assert.throws(() =>
      jsonPatch(document, [
        { op: 'replace', path: '/a/b', value: 2 },
        { op: 'remove', path: '/x' },
      ]),
    )
    assert.deepEqual(document, { a: { b: 1 } })
  })
})

describe('strategic merge patch', () => {
  const pod = kindSchema('core.v1.Pod')
  const spec = (value: Json): Json => ({ spec: value })
  // Re-stated from strategicpatch/patch_test.go.
  const cases: [string, Json, Json, Json][] = [
    [
      'lists with a merge key merge by it',
      { containers: [{ name: 'a', image: 'x' }] },
      { containers: [{ name: 'a', env: [{ name: 'E', value: '1' }] }, { name: 'b' }] },
      { containers: [{ name: 'a', image: 'x', env: [{ name: 'E', value: '1' }] }, { name: 'b' }] },
    ],
    [
      '$patch: delete removes an item',
      { containers: [{ name: 'a' }, { name: 'b' }] },
      { containers: [{ $patch: 'delete', name: 'a' }] },
      { containers: [{ name: 'b' }] },
    ],
    [
      '$patch: replace replaces a list',
      { containers: [{ name: 'a' }, { name: 'b' }] },
      { containers: [{ $patch: 'replace' }, { name: 'c' }] },
      { containers: [{ name: 'c' }] },
    ],
    [
      '$patch: replace replaces an item',
      { containers: [{ name: 'a', image: 'x' }] },
      { containers: [{ $patch: 'replace', name: 'a', tty: true }] },
      { containers: [{ name: 'a', tty: true }] },
    ],
    [
      '$patch: replace replaces a map',
      { nodeSelector: { a: '1' } },
      { nodeSelector: { $patch: 'replace', b: '2' } },
      { nodeSelector: { b: '2' } },
    ],
    ['null removes a field', { hostname: 'a', subdomain: 'b' }, { hostname: null }, { subdomain: 'b' }],
    [
      'lists without a key are replaced',
      { tolerations: [{ key: 'a' }] },
      { tolerations: [{ key: 'b' }] },
      { tolerations: [{ key: 'b' }] },
    ],
    [
      '$setElementOrder sorts',
      { containers: [{ name: 'a' }, { name: 'b' }] },
      { '$setElementOrder/containers': [{ name: 'c' }, { name: 'b' }, { name: 'a' }], containers: [{ name: 'c' }] },
      { containers: [{ name: 'c' }, { name: 'b' }, { name: 'a' }] },
    ],
    [
      '$setElementOrder keeps what only the server has behind what it followed',
      { containers: [{ name: 'a' }, { name: 's' }, { name: 'b' }] },
      { '$setElementOrder/containers': [{ name: 'a' }, { name: 'b' }] },
      { containers: [{ name: 'a' }, { name: 's' }, { name: 'b' }] },
    ],
    [
      '$retainKeys drops the others',
      { volumes: [{ name: 'v', emptyDir: {} }] },
      { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/' } }] },
      { volumes: [{ name: 'v', hostPath: { path: '/' } }] },
    ],
  ]
  for (const [name, target, patch, result] of cases) {
    test(name, () => assert.deepEqual(strategicMergePatch(spec(target), spec(patch), pod), spec(result)))
  }

  test('$deleteFromPrimitiveList takes values out, a merged list of scalars unites', () => {
    const target = { metadata: { finalizers: ['a', 'b'] } }
    const gone = strategicMergePatch(target, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } }, pod)
    assert.deepEqual(gone, { metadata: { finalizers: ['b'] } })
    const more = strategicMergePatch(target, { metadata: { finalizers: ['b', 'c'] } }, pod)
    assert.deepEqual(more, { metadata: { finalizers: ['a', 'b', 'c'] } })
  })

  test('an item without its key is refused', () => {
    assert.throws(
      () => strategicMergePatch(spec({}), spec({ containers: [{ image: 'x' }] }), pod),
      /does not contain declared merge key: name/,
    )
  })
})
