import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Deployment, Pod } from '../types.ts'
import { plan } from './rollout.ts'

let count = 0
function pod(ready: boolean, readySince = 0): Pod {
  const lastTransitionTime = new Date(readySince).toISOString()
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `p${count++}`, uid: `u${count}` },
    spec: { containers: [] },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }] },
  }
}
const pods = (ready: number, unready = 0) => [
  ...Array.from({ length: ready }, () => pod(true)),
  ...Array.from({ length: unready }, () => pod(false)),
]
function deployment(spec: Partial<Deployment['spec']>): Deployment {
  const template = { spec: { containers: [] } }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd' },
    spec: { selector: {}, template, ...spec },
  }
}

type Case = [
  name: string,
  spec: Partial<Deployment['spec']>,
  current: Pod[],
  old: Pod[],
  create: number,
  remove: number,
]

describe('a step of a rollout', () => {
  // The numbers are those of Kubernetes' rolling_test.go where it has the case.
  const rolling = (maxSurge: number | string, maxUnavailable: number | string) => ({
    strategy: { type: 'RollingUpdate' as const, rollingUpdate: { maxSurge, maxUnavailable } },
  })
  const cases: Case[] = [
    ['replicas default to one', {}, [], [], 1, 0],
    ['scales up at once', { replicas: 4 }, pods(1), [], 3, 0],
    ['scales down at once', { replicas: 1 }, pods(4), [], 0, 3],
    ['to zero', { replicas: 0 }, pods(2), [], 0, 2],
    ['starts with the surge', { replicas: 1 }, [], pods(1), 1, 0],
    ['removes the old only when the new serves', { replicas: 1 }, pods(0, 1), pods(1), 0, 0],
    ['removes the old when the new serves', { replicas: 1 }, pods(1), pods(1), 0, 1],
    ['25 % of 4 is one more and one less', { replicas: 4 }, [], pods(4), 1, 1],
    ['no surge, one down', { replicas: 2, ...rolling(0, 1) }, [], pods(2), 0, 1],
    ['both zero still moves', { replicas: 2, ...rolling(0, 0) }, [], pods(2), 0, 1],
    ['an old Pod that does not serve goes first', { replicas: 2, ...rolling(1, 0) }, pods(1), pods(1, 1), 0, 1],
    ['all at once', { replicas: 3, ...rolling('100%', '100%') }, [], pods(3), 3, 3],
    ['Recreate takes all down first', { replicas: 2, strategy: { type: 'Recreate' } }, [], pods(2), 0, 2],
    ['Recreate then creates', { replicas: 2, strategy: { type: 'Recreate' } }, [], [], 2, 0],
    ['paused does not roll', { replicas: 2, paused: true }, [], pods(2), 0, 0],
  ]
  for (const [name, spec, current, old, create, remove] of cases) {
    test(name, () => {
      const step = plan(deployment(spec), { current, old, terminating: [] }, 1e12)
      assert.deepEqual([step.create, step.remove.length], [create, remove])
    })
  }

  test('Recreate waits for what is terminating', () => {
    const spec = { replicas: 1, strategy: { type: 'Recreate' as const } }
    assert.equal(plan(deployment(spec), { current: [], old: [], terminating: pods(1) }, 0).create, 0)
  })

  test('a Pod counts as available after minReadySeconds', () => {
    const spec = { replicas: 1, minReadySeconds: 10 }
    const fleet = { current: [pod(true, 1000)], old: pods(1), terminating: [] }
    assert.equal(plan(deployment(spec), fleet, 10_999).remove.length, 0)
    assert.equal(plan(deployment(spec), fleet, 11_000).remove.length, 1)
  })

  test('whatever the state, it ends in the state asked for and keeps its promises on the way', () => {
    const percent = fc.oneof(
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 0, max: 100 }).map((n) => `${n}%`),
    )
    const count = fc.integer({ min: 0, max: 6 })
    fc.assert(
      fc.property(count, percent, percent, count, count, count, count, (replicas, s, u, ca, cu, oa, ou) => {
        const wanted = deployment({ replicas, ...rolling(s, u) })
        let current = pods(ca, cu)
        let old = pods(oa, ou)
        const most = Math.max(current.length + old.length, replicas + ceilOf(s, replicas))
        for (let i = 0; i < 60; i++) {
          const { create, remove } = plan(wanted, { current, old, terminating: [] }, 1e12)
          if (
            create === 0 &&
            remove.length === 0 &&
            current.every((each) => each.status?.conditions?.[0].status === 'True')
          )
            break
          current = current.filter((each) => !remove.includes(each))
          old = old.filter((each) => !remove.includes(each))
          current.push(...pods(0, create))
          assert.ok(current.length + old.length <= most, 'never more than the surge')
          // Then the new ones begin to serve.
          current = current.map(() => pod(true))
        }
        assert.equal(current.length, replicas)
        assert.equal(old.length, 0)
      }),
    )
  })
})

function ceilOf(value: number | string, of: number): number {
  return typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) / 100) * of)
}
