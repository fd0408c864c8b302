import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ZoneSettings } from './zone-config.ts'
import { type Zone, zoneRouting } from './zone-routing.ts'

const PLAIN: ZoneSettings = { enabled: 100, minClusterSize: 6, forceLocalMin: undefined, byWeight: false }

/** `a4 b4x9`: zones with their healthy hosts, and the sum of their weights where it is another. */
function zones(text: string): Zone[] {
  return text.split(' ').map((one) => {
    const [, key, healthy, weight = healthy] = /^([a-z])(\d+)(?:x(\d+))?$/.exec(one) as RegExpExecArray
    return { key, healthy: Number(healthy), weight: Number(weight) }
  })
}

const route = (local: string, upstream: string, hasOwn: boolean, more: Partial<ZoneSettings> = {}) =>
  zoneRouting(new Map(zones(local).map((zone) => [zone.key, zone])), zones(upstream), hasOwn, { ...PLAIN, ...more })

const DIRECT = { direct: true, localPart: 0, residual: [] }

interface Row {
  readonly what: string
  readonly local: string
  readonly upstream: string
  readonly hasOwn?: boolean
  readonly more?: Partial<ZoneSettings>
  readonly gives: typeof DIRECT | { direct: boolean; localPart: number; residual: number[] }
}

// By hand, from regenerateLocalityRoutingStructures and calculateLocalityPercentages of Envoy 1.40: shares of 10,000, rounded down.
const TABLE: readonly Row[] = [
  {
    what: 'the example of its comment: 40/40/20 and 25/50/25',
    local: 'a4 b4 c2',
    upstream: 'a2 b4 c2',
    gives: { direct: false, localPart: 6250, residual: [0, 1000, 1500] },
  },
  { what: 'as many hosts as proxies', local: 'a4 b4 c2', upstream: 'a4 b4 c2', gives: DIRECT },
  { what: 'more hosts than proxies', local: 'a1 b3', upstream: 'a4 b4', gives: DIRECT },
  {
    what: 'thirds are rounded down, and the one that is lost belongs to nobody',
    local: 'a2 b1',
    upstream: 'a1 b1 c1',
    gives: { direct: false, localPart: 5000, residual: [0, 0, 3333] },
  },
  {
    what: 'no healthy host in the own zone',
    local: 'a1 b1',
    upstream: 'a0 b3 c3',
    gives: { direct: false, localPart: 0, residual: [0, 0, 5000] },
  },
  {
    what: 'no host in the own zone at all: the first zone is a stranger like the others',
    local: 'a4 b4 c2',
    upstream: 'b4 c4',
    hasOwn: false,
    gives: { direct: false, localPart: 0, residual: [1000, 4000] },
  },
  {
    what: 'no capacity left anywhere',
    local: 'a5 b5',
    upstream: 'a0 b0',
    gives: { direct: false, localPart: 0, residual: [0, 0] },
  },
  {
    what: 'forced into the own zone, with enough hosts',
    local: 'a4',
    upstream: 'a2 b9',
    more: { forceLocalMin: 2 },
    gives: DIRECT,
  },
  {
    what: 'forced into the own zone, with too few hosts',
    local: 'a4 b4 c2',
    upstream: 'a1 b7',
    more: { forceLocalMin: 2 },
    gives: { direct: false, localPart: 3125, residual: [0, 4750] },
  },
  {
    what: 'by weight the own zone is large',
    local: 'a4 b4 c2',
    upstream: 'a2x6 b4 c2',
    more: { byWeight: true },
    gives: DIRECT,
  },
  {
    what: 'by weight the own zone is small',
    local: 'a1x6 b4',
    upstream: 'a4 b2x6',
    more: { byWeight: true },
    gives: { direct: false, localPart: 6666, residual: [0, 2000] },
  },
]

describe('how zones share', () => {
  for (const { what, local, upstream, hasOwn = true, more, gives } of TABLE) {
    test(what, () => assert.deepEqual(route(local, upstream, hasOwn, more), gives))
  }

  test('with the same rule in every zone each zone gets its share of the whole', () => {
    const sizes = fc.array(
      fc.record({ local: fc.integer({ min: 1, max: 20 }), hosts: fc.integer({ min: 1, max: 20 }) }),
      {
        minLength: 2,
        maxLength: 6,
      },
    )
    fc.assert(
      fc.property(sizes, (list) => {
        const all = list.map(({ hosts }, i) => ({ key: String(i), healthy: hosts, weight: hosts }))
        const local = new Map(
          list.map((one, i) => [String(i), { key: String(i), healthy: one.local, weight: one.local }]),
        )
        const proxies = list.reduce((sum, one) => sum + one.local, 0)
        const hosts = list.reduce((sum, one) => sum + one.hosts, 0)
        const got = list.map(() => 0)
        for (const [own, { local: count }] of list.entries()) {
          const order = [own, ...[...list.keys()].filter((i) => i !== own)]
          const { direct, localPart, residual } = zoneRouting(
            local,
            order.map((i) => all[i]),
            true,
            PLAIN,
          )
          const here = direct ? 1 : localPart / 10_000
          got[own] += count * here
          if (direct) continue
          const capacity = residual[residual.length - 1]
          for (const [i, zone] of order.entries()) {
            const before = i === 0 ? 0 : residual[i - 1]
            if (capacity > 0) got[zone] += (count * (1 - here) * (residual[i] - before)) / capacity
          }
        }
        for (const [i, one] of list.entries())
          assert.ok(Math.abs(got[i] / proxies - one.hosts / hosts) < 0.01, `${got[i] / proxies} for zone ${i}`)
      }),
    )
  })
})
