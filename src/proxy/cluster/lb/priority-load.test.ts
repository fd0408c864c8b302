import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { priorityLoads } from './priority-load.ts'

const level = (total: number, healthy: number, degraded = 0, excluded = 0) => ({ total, healthy, degraded, excluded })

// The tables of Envoy's "priority levels" and "degraded endpoints" (arch_overview/upstream/load_balancing).
for (const [what, levels, expected] of [
  ['all healthy', [level(100, 100), level(100, 100)], [100, 0]],
  ['72 % are enough', [level(100, 72), level(100, 100)], [100, 0]],
  ['71 % are not', [level(100, 71), level(100, 100)], [99, 1]],
  ['half', [level(100, 50), level(100, 100)], [70, 30]],
  ['a quarter', [level(100, 25), level(100, 100)], [35, 65]],
  ['none', [level(100, 0), level(100, 100)], [0, 100]],
  ['three levels', [level(100, 25), level(100, 25), level(100, 100)], [35, 35, 30]],
  ['scaled up when all are too few', [level(100, 25), level(100, 25)], [50, 50]],
  ['what is excluded does not count', [level(100, 10, 0, 90), level(100, 100)], [100, 0]],
] as const) {
  test(`priorities: ${what}`, () => {
    assert.deepEqual(
      priorityLoads(levels, 140, 0).map(({ healthy }) => healthy),
      expected,
    )
  })
}

test('degraded hosts get what the healthy ones of all priorities leave', () => {
  const loads = priorityLoads([level(10, 2, 5), level(10, 2, 5)], 140, 0)
  assert.deepEqual(
    loads.map(({ healthy, degraded }) => [healthy, degraded]),
    [
      [28, 44],
      [28, 0],
    ],
  )
})

test('in panic everywhere the load goes by numbers', () => {
  const loads = priorityLoads([level(30, 0), level(10, 0)], 140, 50)
  assert.deepEqual(loads, [
    { healthy: 75, degraded: 0, panic: true },
    { healthy: 25, degraded: 0, panic: true },
  ])
})

test('the loads of any levels sum up to 100', () => {
  const any = fc
    .tuple(fc.nat(50), fc.nat(50), fc.nat(50), fc.nat(50))
    .map(([healthy, degraded, bad, excluded]) =>
      level(healthy + degraded + bad + excluded, healthy, degraded, excluded),
    )
  fc.assert(
    fc.property(fc.array(any, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: 100 }), (levels, panic) => {
      const total = priorityLoads(levels, 140, panic).reduce((sum, load) => sum + load.healthy + load.degraded, 0)
      const hosts = levels.reduce((sum, one) => sum + one.total, 0)
      assert.ok(total === 100 || (hosts === 0 && total === 0), `${total}`)
    }),
  )
})
