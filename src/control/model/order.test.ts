import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { extension, wasmPlugin } from '../testing.ts'
import type { Extension } from './extension.ts'
import { byAge, namespacesFor, orderByPhase } from './order.ts'

const NAMESPACES = namespacesFor('default', 'istio-system')

function order(extensions: Extension[]): string[] {
  const phases = orderByPhase(extensions.toSorted(byAge), NAMESPACES)
  return [...phases.AUTHN, ...phases.AUTHZ, ...phases.STATS, ...phases.UNSPECIFIED].map(
    ({ namespace, name }) => `${namespace}/${name}`,
  )
}

test('priority from high to low, whatever the namespace', () => {
  const list = [
    extension({ priority: 1 }, { name: 'low' }),
    extension({ priority: 1000 }, { name: 'high', namespace: 'istio-system' }),
    extension({ priority: -1 }, { name: 'below' }),
  ]
  assert.deepEqual(order(list), ['istio-system/high', 'default/low', 'default/below'])
})

test('unset priority is 0, as documented (not below all, as in the code of Istio)', () => {
  const list = [
    extension({ priority: -1 }, { name: 'a' }),
    extension({}, { name: 'b' }),
    extension({ priority: 1 }, { name: 'c' }),
  ]
  assert.deepEqual(order(list), ['default/c', 'default/b', 'default/a'])
})

test('of equal priority: own namespace, then root; then age; then name', () => {
  const list = [
    extension({}, { name: 'b', namespace: 'istio-system' }),
    extension({}, { name: 'd', createdAt: '2026-01-01T00:00:02Z' }),
    extension({}, { name: 'c', createdAt: '2026-01-01T00:00:02Z' }),
    extension({}, { name: 'z', createdAt: '2026-01-01T00:00:01Z' }),
  ]
  assert.deepEqual(order(list), ['default/z', 'default/c', 'default/d', 'istio-system/b'])
})

test('other namespaces are not looked at', () => {
  assert.deepEqual(order([extension({}, { namespace: 'elsewhere' })]), [])
})

test('a WasmPlugin stands where its translated name stands', () => {
  const list = [
    wasmPlugin({ url: 'oci://x' }, { name: 'a' }),
    extension({}, { name: 'a' }),
    extension({}, { name: 'ab' }),
  ]
  assert.deepEqual(order(list), ['default/a', 'default/ab', 'default/a~istio-translated-wasmplugin'])
})

test('phases are kept apart', () => {
  const list = ['STATS', 'AUTHZ', 'AUTHN', undefined].map((phase, i) => extension({ phase }, { name: `p${i}` }))
  assert.deepEqual(order(list), ['default/p2', 'default/p1', 'default/p0', 'default/p3'])
})

test('the order does not depend on the order in which objects arrive', () => {
  const arbitrary = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      namespace: fc.constantFrom('default', 'istio-system'),
      priority: fc.option(fc.integer({ min: -2, max: 2 }), { nil: undefined }),
      second: fc.integer({ min: 0, max: 2 }),
    }),
    { selector: ({ name, namespace }) => `${namespace}/${name}` },
  )
  fc.assert(
    fc.property(arbitrary, fc.infiniteStream(fc.nat()), (items, randoms) => {
      const make = (list: typeof items) =>
        list.map(({ name, namespace, priority, second }) =>
          extension({ priority }, { name, namespace, createdAt: `2026-01-01T00:00:0${second}Z` }),
        )
      const shuffled = items
        .map((item) => ({ item, key: randoms.next().value ?? 0 }))
        .sort((a, b) => a.key - b.key)
        .map(({ item }) => item)
      assert.deepEqual(order(make(shuffled)), order(make(items)))
    }),
  )
})
