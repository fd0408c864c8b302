import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EndpointHost } from '../endpoint-host.ts'
import { leastRequest, roundRobin, slowStartFactor } from './load-balancer.ts'

const CLUSTER = { name: 'c', statName: 'c', protocol: 'HTTP/1.1', metadata: {} }

function host(n: number, ageMs: number): EndpointHost {
  const locality = { region: '', zone: '', subZone: '' }
  const endpoint = { ip: `10.0.0.${n}`, port: 80, hostname: '', metadata: {}, locality, weight: 1, priority: 0 }
  const made = new EndpointHost(
    { ...endpoint, internalListener: '', healthPort: 80, healthHostname: '', healthChecked: true },
    CLUSTER,
  )
  made.healthySince = performance.now() - ageMs
  return made
}

// EdfLoadBalancerBase::applySlowStartFactor; the formula is in round_robin's documentation of slow start.
test('the share of a new host grows with its age', () => {
  const linear = { windowMs: 1000, aggression: 1, minWeight: 0.1 }
  assert.deepEqual(
    [0, 50, 100, 500, 999, 1000, 5000].map((age) => slowStartFactor(linear, age)),
    [0.1, 0.1, 0.1, 0.5, 0.999, 1, 1],
  )
  assert.equal(slowStartFactor({ ...linear, aggression: 2 }, 250), 0.5)
  assert.equal(slowStartFactor({ ...linear, minWeight: 0 }, 0), 0.001)
})

for (const [name, make] of [
  ['round robin', roundRobin],
  ['least request', (slowStart: Parameters<typeof roundRobin>[0]) => leastRequest(2, 1, slowStart)],
] as const) {
  test(`${name}: a new host gets less, an old one no more than its share`, () => {
    const slow = make({ windowMs: 600_000, aggression: 1, minWeight: 0.25 })
    const hosts = [host(1, 700_000), host(2, 0)]
    const balancer = slow(hosts)
    const chosen = Array.from({ length: 1000 }, () => balancer.choose(undefined))
    assert.equal(chosen.filter((one) => one === hosts[1]).length, 200)

    hosts[1].healthySince = performance.now() - 700_000
    const later = slow(hosts)
    const even = Array.from({ length: 1000 }, () => later.choose(undefined)).filter((one) => one === hosts[1]).length
    assert.ok(even > 400 && even < 600, String(even))
  })
}
