import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { SluiceError } from '../errors.ts'
import { parseDocuments } from './yaml.ts'

const TEXT = `# a comment
apiVersion: v1
kind: ConfigMap
---
---
kind: Second
spec:
  match:
    - mode: CLIENT
      ports: [{number: 80}, {number:  81}]
  base: &base
    a: 1
  more:
    <<: *base
    b: 2
`

describe('documents', () => {
  const documents = parseDocuments(TEXT, 'a.yaml')

  test('empty ones are left out, and each knows where it begins', () => {
    assert.deepEqual(
      documents.map(({ line, object }) => [line, (object as { kind: string }).kind]),
      [
        [2, 'ConfigMap'],
        [6, 'Second'],
      ],
    )
  })

  test('merge keys are merged', () => {
    assert.deepEqual((documents[1].object as { spec: { more: unknown } }).spec.more, { a: 1, b: 2 })
  })

  const places: [path: (string | number)[], line: number, column: number][] = [
    [[], 6, 1],
    [['kind'], 6, 7],
    [['spec', 'match'], 9, 5],
    [['spec', 'match', 0, 'mode'], 9, 13],
    [['spec', 'match', 0, 'ports', 1, 'number'], 10, 39],
    // What is not there: its nearest parent.
    [['spec', 'match', 0, 'wasm', 'url'], 9, 7],
    [['spec', 'match', 7], 9, 5],
    [['status'], 6, 1],
  ]
  for (const [path, line, column] of places) {
    test(`${path.join('.') || 'the root'} stands at ${line}:${column}`, () => {
      assert.deepEqual(documents[1].whereIs(path), { line, column })
    })
  }

  test('JSON is YAML', () => {
    const [document] = parseDocuments('{"a": {\n  "b": [1, 2]}}', 'a.json')
    assert.deepEqual(document.object, { a: { b: [1, 2] } })
    assert.deepEqual(document.whereIs(['a', 'b', 1]), { line: 2, column: 12 })
  })

  test('a text without documents', () => {
    for (const text of ['', '\n', '# only a comment\n', '---\n---\n', 'null'])
      assert.deepEqual(parseDocuments(text, 'x'), [])
  })
})

describe('what is refused', () => {
  const bomb = [
    'a: &a [x]',
    ...[...'bcdefgh'].map((name, i) => `${name}: &${name} [${`*${'abcdefg'[i]},`.repeat(9)}]`),
  ].join('\n')
  const table: [name: string, text: string, where: string, message: RegExp][] = [
    ['a duplicate key', 'a: 1\nb:\n  c: 1\n  c: 2\n', 'f.yaml:4:3', /unique/],
    ['a tab as indentation', 'a:\n\tb: 1\n', 'f.yaml:2:1', /[Tt]ab/],
    ['an open bracket', 'a: [1, 2\n', 'f.yaml:2:1', /flow/i],
    ['an error in a later document', 'a: 1\n---\nb: "\n', 'f.yaml:4:1', /quote/],
    ['an alias without an anchor', 'a: *b\n', 'f.yaml:1:1', /anchor/],
    ['aliases that multiply', bomb, 'f.yaml:1:1', /alias/i],
  ]
  for (const [name, text, where, message] of table) {
    test(name, () => {
      assert.throws(
        () => parseDocuments(text, 'f.yaml'),
        (error) => {
          assert.ok(error instanceof SluiceError)
          assert.equal(error.code, 'SL1003')
          assert.match(error.message, message)
          assert.ok(`${error.where} ${error.message}`.includes(where), `${error.where}`)
          return true
        },
      )
    })
  }
})

test('any JSON value that is not null survives, and every place is inside the text', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      fc.pre(value !== null)
      const text = stringify(value)
      // Written plainly, this key merges.
      fc.pre(!text.includes('<<'))
      const [document] = parseDocuments(text, 'x')
      assert.equal(JSON.stringify(document.object), JSON.stringify(value))
      const { line } = document.whereIs(['a', 0, 'b'])
      assert.ok(line >= 1 && line <= text.split('\n').length)
    }),
    { numRuns: 200 },
  )
})
