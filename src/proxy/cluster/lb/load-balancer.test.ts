import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { StatsStore } from '../../stats/store.ts'
import { clusterStats } from '../cluster-stats.ts'
import { EndpointHost } from '../endpoint-host.ts'
import { Hash64, xxHash64 } from '../hash64.ts'
import { HealthFlag } from '../health-flag.ts'
import { maglev, ringHash } from './consistent-hash.ts'
import { HostSet } from './host-set.ts'
import { type LoadBalancerFactory, leastRequest, random, roundRobin } from './load-balancer.ts'
import { localityKey } from './locality-key.ts'

const CLUSTER = { name: 'c', statName: 'c', protocol: 'HTTP/1.1', metadata: {} }

function host(n: number, weight = 1, priority = 0, zone = 'z'): EndpointHost {
  const locality = { region: 'r', zone, subZone: '' }
  return new EndpointHost(
    {
      ip: `10.0.0.${n}`,
      port: 80,
      hostname: '',
      metadata: {},
      locality,
      weight,
      priority,
      internalListener: '',
      healthPort: 80,
      healthHostname: '',
      healthChecked: true,
    },
    CLUSTER,
  )
}

function spread(
  balancer: { choose(hash: Hash64 | undefined): EndpointHost | undefined },
  times = 3000,
  hash?: (i: number) => Hash64,
): Map<string, number> {
  const counts = new Map<string, number>()
  for (let i = 0; i < times; i++) {
    const key = balancer.choose(hash?.(i))?.ip ?? 'none'
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

const hosts = [host(1), host(2), host(3)]
const weighted = [host(1, 1), host(2, 2), host(3, 3)]
const near = (actual: number | undefined, expected: number, slack = 0.15) =>
  assert.ok(Math.abs((actual ?? 0) - expected) <= expected * slack, `${actual} is not near ${expected}`)

describe('load balancers', () => {
  test('round robin takes turns', () => {
    for (const count of spread(roundRobin()(hosts)).values()) assert.equal(count, 1000)
  })

  for (const [name, make] of [
    ['round robin', roundRobin()],
    ['random', random],
    ['least request', leastRequest(2)],
  ] as const) {
    test(`${name} keeps to weights`, () => {
      const counts = spread(make(weighted), 6000)
      near(counts.get('10.0.0.1'), 1000)
      near(counts.get('10.0.0.2'), 2000)
      near(counts.get('10.0.0.3'), 3000)
    })
  }

  test('least request avoids the busy one', () => {
    const busy = [host(1), host(2)]
    busy[0].active = 50
    const counts = spread(leastRequest(2)(busy), 2000)
    near(counts.get('10.0.0.1'), 500)
  })

  for (const [name, make] of [
    ['ring hash', ringHash(1024, 65536)],
    ['maglev', maglev(65537)],
  ] as const) {
    test(`${name}: the same host for a hash, even shares, few moves when a host goes`, () => {
      const all = Array.from({ length: 10 }, (_, i) => host(i))
      const before = make(all)
      const after = make(all.slice(0, 9))
      const counts = spread(before, 20_000, (i) => xxHash64(`key${i}`, new Hash64()))
      for (const one of all) near(counts.get(one.ip), 2000, 0.35)
      let moved = 0
      for (let i = 0; i < 10_000; i++) {
        const hash = xxHash64(`key${i}`, new Hash64())
        assert.equal(before.choose(hash), before.choose(hash))
        const old = before.choose(hash)
        if (old !== all[9] && after.choose(hash) !== old) moved++
      }
      assert.ok(moved < 1000, `${moved} of 10000 moved without need`)
    })
  }
})

describe('host sets', () => {
  const stats = clusterStats(new StatsStore().scope('cluster.c.'))
  const set = (
    list: readonly EndpointHost[],
    make: LoadBalancerFactory = roundRobin(),
    weights?: ReadonlyMap<string, number>,
  ) =>
    new HostSet(
      list,
      {
        make,
        panicThreshold: 50,
        overprovisioning: 140,
        failOnPanic: false,
        zones: undefined,
        localityWeights: weights,
      },
      stats,
    )

  test('unhealthy hosts get nothing, until too many are (panic)', () => {
    const list = [host(1), host(2), host(3)]
    list[0].healthFlags = HealthFlag.FailedActiveCheck
    assert.equal(spread(set(list)).get('10.0.0.1'), undefined)
    list[1].healthFlags = HealthFlag.FailedOutlierCheck
    assert.equal(spread(set(list)).size, 3, 'one of three is below 50 %')
  })

  test('no hosts at all', () => assert.equal(set([]).choose(undefined), undefined))

  test('the next priority takes what the first cannot', () => {
    const list = [host(1, 1, 0), host(2, 1, 0), host(3, 1, 1), host(4, 1, 1)]
    assert.equal(spread(set(list)).get('10.0.0.3'), undefined)
    list[0].healthFlags = HealthFlag.FailedEds
    // 1.4 times one of two is 70 %.
    const counts = spread(set(list), 10_000)
    near(counts.get('10.0.0.2'), 7000)
    near((counts.get('10.0.0.3') ?? 0) + (counts.get('10.0.0.4') ?? 0), 3000)
  })

  test('locality weights', () => {
    const list = [host(1, 1, 0, 'a'), host(2, 1, 0, 'b'), host(3, 1, 0, 'b')]
    const weights = new Map([
      [localityKey(list[0].locality, 0), 3],
      [localityKey(list[1].locality, 0), 1],
    ])
    near(spread(set(list, roundRobin(), weights), 8000).get('10.0.0.1'), 6000)
  })
})
