import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { fromJson } from '@bufbuild/protobuf'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { clusterConfig } from './cluster-config.ts'
import { DnsResolver, type DnsSource } from './dns.ts'
import type { Endpoint } from './endpoints.ts'

const SETTINGS = { refreshMs: 5000, failureBaseMs: 5000, failureMaxMs: 5000, respectTtl: false, families: [4] } as const
const ENDPOINT = { ip: 'a.test', port: 80, hostname: '' } as Endpoint

/** A resolver on fake timers, and what it asked and said. */
function resolver(settings: Partial<typeof SETTINGS | { respectTtl: boolean; failureMaxMs: number }>, logical = false) {
  const answers = { found: ['10.0.0.1', '10.0.0.2'] as string[] | undefined, ttl: 0 }
  const seen = { asked: 0, published: [] as string[][] }
  const source: DnsSource = {
    addresses: (_, __, done) => {
      seen.asked++
      done(answers.found)
    },
    ttl: (_, __, done) => done(answers.ttl),
  }
  const changed = (endpoints: readonly Endpoint[]) => seen.published.push(endpoints.map(({ ip }) => ip))
  const made = new DnsResolver({ ...SETTINGS, ...settings }, logical, [ENDPOINT], changed, source)
  return { answers, seen, close: () => made.close() }
}

const first = () => new Promise((resolve) => process.nextTick(resolve))

test('names are asked for again at the refresh rate, or when their answer is out of date', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    for (const [respectTtl, ttl, pause] of [
      [false, 60, 5000],
      [true, 60, 60_000],
      [true, 0, 5000],
    ] as const) {
      const { answers, seen, close } = resolver({ respectTtl })
      answers.ttl = ttl
      await first()
      assert.equal(seen.asked, 1)
      mock.timers.tick(pause - 1)
      assert.equal(seen.asked, 1)
      mock.timers.tick(1)
      assert.equal(seen.asked, 2)
      close()
    }
  } finally {
    mock.timers.reset()
  }
})

test('a failed look-up keeps what was known, and is tried again within the failure rate', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const { answers, seen, close } = resolver({ failureMaxMs: 20_000 })
  try {
    await first()
    answers.found = undefined
    mock.timers.tick(5000)
    assert.equal(seen.asked, 2)
    mock.timers.tick(5000)
    assert.ok(seen.asked >= 3)
    assert.deepEqual(seen.published, [['10.0.0.1', '10.0.0.2']])
  } finally {
    close()
    mock.timers.reset()
  }
})

test('LOGICAL_DNS uses one address', async () => {
  const { seen, close } = resolver({}, true)
  await first()
  close()
  assert.deepEqual(seen.published, [['10.0.0.1']])
})

// Measured on Envoy 1.40 with `localhost`, which its resolver knows by both.
test('dns_lookup_family: the preferred addresses, else those of the other family', async () => {
  const [v4, v6] = [['127.0.0.1'], ['::1']]
  for (const [family, names, published] of [
    ['AUTO', { 4: v4, 6: v6 }, v6],
    ['AUTO', { 4: v4 }, v4],
    ['V4_ONLY', { 4: v4, 6: v6 }, v4],
    ['V4_ONLY', { 6: v6 }, []],
    ['V6_ONLY', { 4: v4, 6: v6 }, v6],
    ['V4_PREFERRED', { 4: v4, 6: v6 }, v4],
    ['V4_PREFERRED', { 6: v6 }, v6],
    ['ALL', { 0: [...v4, ...v6] }, [...v4, ...v6]],
  ] as const) {
    const json = { name: 'c', type: 'STRICT_DNS', dnsLookupFamily: family }
    const { dns } = clusterConfig(fromJson(ClusterSchema, json))
    const seen: string[][] = []
    const source: DnsSource = {
      addresses: (_, asked, done) => done((names as Partial<Record<number, string[]>>)[asked]),
      ttl: (_, __, done) => done(0),
    }
    const changed = (endpoints: readonly Endpoint[]) => seen.push(endpoints.map(({ ip }) => ip))
    const resolver = new DnsResolver(dns, false, [ENDPOINT], changed, source)
    await first()
    resolver.close()
    assert.deepEqual(seen.at(-1), published, `${family} ${JSON.stringify(names)}`)
  }
})
