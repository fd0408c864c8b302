import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatLabelSelector, matchesLabelSelector, parseFieldSelector, parseLabelSelector } from './selectors.ts'

describe('label selectors', () => {
  const labels = { app: 'web', tier: 'front', 'example.com/x': '5', empty: '' }
  // The grammar of apimachinery labels/selector.go, with its answers for absent keys.
  const cases: [string, boolean][] = [
    ['app=web', true],
    ['app==web', true],
    ['app!=web', false],
    ['absent!=web', true],
    ['app in (web,api)', true],
    ['app  in  ( web , api )', true],
    ['app notin (web)', false],
    ['absent notin (web)', true],
    ['absent in (web)', false],
    ['app', true],
    ['!app', false],
    ['!absent', true],
    ['empty=', true],
    ['app=web,tier=front', true],
    ['app=web,tier=back', false],
    ['app in (a,b),tier', false],
    ['example.com/x>4', true],
    ['example.com/x<5', false],
    ['app>1', false],
  ]
  for (const [selector, expected] of cases) {
    test(selector, () => assert.equal(parseLabelSelector(selector)?.(labels), expected))
  }

  test('an empty one selects everything', () => assert.equal(parseLabelSelector(''), undefined))

  for (const bad of ['=x', 'a=b=c', 'a in x', 'a in (x', 'a,,b', 'a b', '-a', 'a=x y', 'in (x)']) {
    test(`${bad} is refused`, () => assert.throws(() => parseLabelSelector(bad), { code: 400 }))
  }

  test('never fails in another way', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseLabelSelector(text)?.({})
        } catch (error) {
          assert.equal((error as { code: number }).code, 400)
        }
      }),
    )
  })
})

describe('field selectors', () => {
  test('equality, inequality, escapes', () => {
    assert.deepEqual(parseFieldSelector('a.b=c,d!=e,f==g\\,h\\=i\\\\'), [
      { field: 'a.b', value: 'c', equal: true },
      { field: 'd', value: 'e', equal: false },
      { field: 'f', value: 'g,h=i\\', equal: true },
    ])
    assert.deepEqual(parseFieldSelector('involvedObject.kind=,a=b'), [
      { field: 'involvedObject.kind', value: '', equal: true },
      { field: 'a', value: 'b', equal: true },
    ])
  })
  for (const bad of ['a', '=b', 'a>b'])
    test(`${bad} is refused`, () => assert.throws(() => parseFieldSelector(bad), { code: 400 }))
})

test('selectors inside objects', () => {
  const selector = {
    matchLabels: { a: '1' },
    matchExpressions: [
      { key: 'b', operator: 'NotIn', values: ['2', '3'] },
      { key: 'c', operator: 'DoesNotExist' },
    ],
  }
  assert.equal(matchesLabelSelector(selector, { a: '1' }), true)
  assert.equal(matchesLabelSelector(selector, { a: '1', b: '2' }), false)
  assert.equal(matchesLabelSelector(selector, { a: '1', c: '' }), false)
  assert.equal(matchesLabelSelector({}, {}), true)
  assert.equal(matchesLabelSelector(undefined, {}), false)
  assert.equal(formatLabelSelector(selector), '!c,a=1,b notin (2,3)')
})
