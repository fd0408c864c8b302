import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { HeaderMap } from './header-map.ts'

const pairs = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2')), { maxLength: 8 })

describe('HeaderMap', () => {
  test('removes what it is asked to, keeps the order of the others, and tells of a change where there was one', () => {
    fc.assert(
      fc.property(pairs, (list) => {
        const [named, such] = [HeaderMap.of(list), HeaderMap.of(list)]
        const { version } = named
        const left = list.filter(([name]) => name !== 'b')
        const changed = left.length < list.length
        assert.equal(named.remove('b'), changed)
        such.removeWhere((name) => name === 'b')
        for (const map of [named, such]) {
          assert.deepEqual([...map], left)
          assert.equal(map.version, version + Number(changed))
        }
      }),
    )
  })

  test('sets the first pair of a name and removes the others', () => {
    fc.assert(
      fc.property(pairs, (list) => {
        const map = HeaderMap.of(list)
        map.put('b', '3')
        const first = list.findIndex(([name]) => name === 'b')
        const expected: [string, string][] = list.filter(([name], i) => name !== 'b' || i === first)
        if (first === -1) expected.push(['b', '3'])
        else expected[first] = ['b', '3']
        assert.deepEqual([...map], expected)
      }),
    )
  })
})
