import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EndpointHost } from '../endpoint-host.ts'
import { Hash64, xxHash64 } from '../hash64.ts'
import { maglev } from './consistent-hash.ts'

const CLUSTER = { name: 'c', statName: 'c', protocol: 'HTTP/1.1', metadata: {} }
const hosts = Array.from({ length: 5 }, (_, n) => {
  const locality = { region: '', zone: '', subZone: '' }
  const endpoint = { ip: `10.0.0.${n}`, port: 80, hostname: '', metadata: {}, locality, weight: 1, priority: 0 }
  return new EndpointHost(
    { ...endpoint, internalListener: '', healthPort: 80, healthHostname: '', healthChecked: true },
    CLUSTER,
  )
})
const key = (text: string) => xxHash64(text, new Hash64())

test('a full host gives its keys away, always to the same other one, and no host gets more than its bound', () => {
  const plain = maglev(1009)(hosts)
  const bounded = maglev(1009, { byHostname: false, balanceFactor: 125 })(hosts)
  const first = plain.choose(key('a')) as EndpointHost
  assert.equal(bounded.choose(key('a')), first)
  first.active = 4
  const second = bounded.choose(key('a')) as EndpointHost
  assert.notEqual(second, first)
  for (let i = 0; i < 10; i++) assert.equal(bounded.choose(key('a')), second)
  first.active = 0

  // One key for everything: with the bound it spreads.
  for (let i = 0; i < 100; i++) (bounded.choose(key('a')) as EndpointHost).active++
  for (const { active, ip } of hosts) assert.ok(active <= 26, `${ip} has ${active} of 100`)
  for (const host of hosts) host.active = 0
})
