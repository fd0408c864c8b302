import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cluster, get, httpListener, portOf, testProxy, upstream } from '../../testing.ts'

// "Whether the router generates dynamic cluster statistics. Defaults to true."
for (const [setting, counted] of [
  ['', 1],
  ['dynamic_stats: true', 1],
  ['dynamic_stats: false', 0],
] as const) {
  test(`answers are counted by their class: ${setting || 'by default'}`, async () => {
    const up = await upstream()
    const listener = httpListener({}).replace('router.v3.Router', `router.v3.Router${setting && `, ${setting}`}`)
    const proxy = await testProxy([listener], [cluster(up.port)])
    try {
      assert.equal((await get(portOf(proxy))).status, 200)
      const [{ counters }] = await proxy.workers.query<{ counters: Record<string, number> }>('stats')
      const count = (name: string) => counters[`cluster.up.${name}`] ?? 0
      assert.deepEqual([count('upstream_rq_total'), count('upstream_rq_2xx')], [1, counted])
    } finally {
      await proxy.close(0)
      await up.close()
    }
  })
}
