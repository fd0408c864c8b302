import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { ProxyHandle } from '../../index.ts'
import { cluster, eventually, get, httpListener, portOf, type Running, testProxy, upstream } from '../../testing.ts'

const route = (prefix: string, retries: number, timeout = '60s') => {
  const retry = `retry_on: 5xx, num_retries: ${retries}, per_try_timeout: 0.03s, retry_back_off: { base_interval: 0.001s }`
  const hedge = 'hedge_policy: { hedge_on_per_try_timeout: true }'
  const redirect = 'internal_redirect_policy: {}'
  return `{ match: { prefix: ${prefix} }, route: { cluster: up, timeout: ${timeout}, ${hedge}, ${redirect}, retry_policy: { ${retry} } } }`
}

const END = '{ match: { prefix: /end }, direct_response: { status: 200, body: { inline_string: end } } }'

const COUNTED = ['2xx', '5xx', 'total', 'timeout', 'per_try_timeout', 'retry', 'retry_success', 'retry_limit_exceeded']

// The order of answers is the test's; the numbers are those that real Envoy 1.40 counts for the same order.
describe('hedge_on_per_try_timeout', () => {
  let up: Running & { readonly requests: string[] }
  let proxy: ProxyHandle
  const waiting: { response: ServerResponse; body: string; open: boolean }[] = []
  let last: Record<string, number> = {}

  async function stats() {
    const [{ counters, gauges }] = await proxy.workers.query<{
      counters: Record<string, number>
      gauges: Record<string, number>
    }>('stats')
    const counted = Object.fromEntries(COUNTED.map((name) => [name, counters[`cluster.up.upstream_rq_${name}`] ?? 0]))
    return { counted, active: gauges['cluster.up.upstream_rq_active'] }
  }

  /** What was counted since the test began, without what is 0. */
  async function counted() {
    const now = (await stats()).counted
    return Object.fromEntries(COUNTED.map((name) => [name, now[name] - last[name]]).filter(([, count]) => count !== 0))
  }

  async function tries(count: number): Promise<void> {
    await eventually(() => waiting.length === count, `${count} tries`)
  }

  /** No try is left: not at the upstream, and not in the counts that limits are kept by. */
  async function nothingLeft(): Promise<void> {
    await eventually(() => waiting.every(({ open }) => !open), 'every try to be over')
    assert.equal((await stats()).active, 0)
    const [[{ requests, retries, hosts }]] =
      await proxy.workers.query<{ requests: number; retries: number; hosts: { active: number }[] }[]>('clusters')
    assert.deepEqual({ requests, retries, active: hosts[0].active }, { requests: 0, retries: 0, active: 0 })
  }

  before(async () => {
    up = await upstream((_, response, body) => {
      const entry = { response, body, open: true }
      response.on('close', () => {
        entry.open = false
      })
      waiting.push(entry)
    })
    const routes = [END, route('/two', 2), route('/short', 1, '0.2s'), route('/', 1)]
    proxy = await testProxy([httpListener({ routes: `[${routes.join(', ')}]` })], [cluster(up.port)])
  })
  after(async () => {
    await proxy.close(0)
    await up.close()
  })
  beforeEach(async () => {
    waiting.length = 0
    last = (await stats()).counted
  })

  test('the first good answer wins, and the others are reset', async () => {
    const answer = get(portOf(proxy), '/two', { method: 'POST', body: 'data' })
    await tries(3)
    assert.deepEqual(
      waiting.map(({ body }) => body),
      ['data', 'data', 'data'],
    )
    waiting[1].response.end('second')
    assert.equal((await answer).body, 'second')
    await nothingLeft()
    const { retry_limit_exceeded: _, ...rest } = await counted()
    assert.deepEqual(rest, { '2xx': 1, total: 3, retry: 2 })
  })

  test('the newest wins', async () => {
    const answer = get(portOf(proxy), '/')
    await tries(2)
    waiting[1].response.end('second')
    assert.equal((await answer).body, 'second')
    await nothingLeft()
    const { retry_limit_exceeded: _, ...rest } = await counted()
    assert.deepEqual(rest, { '2xx': 1, total: 2, retry: 1, retry_success: 1 })
  })

  test('a large answer of a late one, read slowly, comes whole', async () => {
    const answer = get(portOf(proxy), '/')
    await tries(2)
    waiting[0].response.end('x'.repeat(3_000_000))
    assert.equal((await answer).body.length, 3_000_000)
    await nothingLeft()
  })

  for (const which of [0, 1]) {
    test(`a redirect is followed, of try ${which + 1} of two`, async () => {
      const answer = get(portOf(proxy), '/')
      await tries(2)
      waiting[which].response.writeHead(302, { location: 'http://a/end' }).end()
      assert.equal((await answer).body, 'end')
      await nothingLeft()
    })
  }

  test('a bad answer is handed on when it is the last', async () => {
    const answer = get(portOf(proxy), '/')
    await tries(2)
    waiting[0].response.writeHead(500).end('first')
    await eventually(() => !waiting[0].open)
    waiting[1].response.writeHead(503).end('second')
    assert.deepEqual([(await answer).status, (await answer).body], [503, 'second'])
    await nothingLeft()
  })

  test('tries that break off are waited for no longer, and the last is told', async () => {
    const answer = get(portOf(proxy), '/')
    await tries(2)
    waiting[1].response.destroy()
    waiting[0].response.destroy()
    assert.match((await answer).body, /retried and the latest reset reason: connection termination/)
    await nothingLeft()
  })

  test('the time of the route ends them all', async () => {
    assert.equal((await get(portOf(proxy), '/short')).status, 504)
    await nothingLeft()
    const { '5xx': _, retry_limit_exceeded: __, ...rest } = await counted()
    assert.deepEqual(rest, { total: 2, timeout: 2, retry: 1 })
  })

  test('a client that goes takes them all with it', async () => {
    const socket = connect(portOf(proxy), '127.0.0.1', () => socket.write('GET /two HTTP/1.1\r\nhost: a\r\n\r\n'))
    await tries(3)
    socket.destroy()
    await nothingLeft()
  })
})
