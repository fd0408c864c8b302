import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { cluster, FILTERS, get, httpListener, portOf, testProxy, upstream } from '../../testing.ts'

/** A listener whose connections need tokens. */
function limited(name: string, config: string): string {
  const filter = `{ name: limit, typed_config: { "@type": ${FILTERS}.network.local_ratelimit.v3.LocalRateLimit, ${config} } }`
  return httpListener({ name }).replace('filters:\n', `filters:\n  - ${filter}\n`)
}

const bucket = (tokens: number) => `token_bucket: { max_tokens: ${tokens}, fill_interval: 3600s }`

/** How many of twenty connections were served. */
async function served(port: number): Promise<number> {
  const answers = await Promise.allSettled(Array.from({ length: 20 }, () => get(port, '/')))
  return answers.filter((answer) => answer.status === 'fulfilled').length
}

describe('connections without a token are closed', () => {
  test('by the bucket of all workers, which listeners with one key share', async () => {
    const up = await upstream()
    const listeners = [
      limited('one', `stat_prefix: own, ${bucket(5)}`),
      limited('two', `stat_prefix: a, share_key: k, ${bucket(7)}`),
      limited('three', `stat_prefix: b, share_key: k, ${bucket(7)}`),
      limited('other', `stat_prefix: c, share_key: k, ${bucket(6)}`),
    ]
    const proxy = await testProxy(listeners, [cluster(up.port)], { workers: 2 })
    try {
      assert.equal(await served(portOf(proxy, 'one')), 5)
      const [two, three] = await Promise.all([served(portOf(proxy, 'two')), served(portOf(proxy, 'three'))])
      assert.equal(two + three, 7)
      assert.equal(await served(portOf(proxy, 'other')), 6)
      const workers = await proxy.workers.query<{ counters: Record<string, number> }>('stats')
      const sum = (name: string) => workers.reduce((all, { counters }) => all + (counters[name] ?? 0), 0)
      assert.equal(sum('local_rate_limit.own.rate_limited'), 15)
      assert.equal(sum('local_rate_limit.a.rate_limited') + sum('local_rate_limit.b.rate_limited'), 33)
    } finally {
      await proxy.close(0)
      await up.close()
    }
  })

  for (const [config, message] of [
    [`stat_prefix: "", ${bucket(1)}`, /local_ratelimit\.stat_prefix/],
    ['stat_prefix: l', /local_ratelimit\.token_bucket/],
    ['stat_prefix: l, token_bucket: { max_tokens: 1, fill_interval: 0.04s }', /token_bucket\.fill_interval.*50ms/],
  ] as const) {
    test(`and what cannot be is refused: ${config}`, async () => {
      await assert.rejects(testProxy([limited('one', config)], []), message)
    })
  }
})
