/** Limits hold for the process: with two workers, and when one of them dies. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, test } from 'node:test'
import { TypeUrl } from '../../xds/index.ts'
import { type ProxyHandle, startProxy } from '../index.ts'
import {
  type Answer,
  cluster,
  clusterAny,
  eventually,
  FILTERS,
  get,
  httpListener,
  listenerAny,
  portOf,
  TestControl,
  testProxy,
  upstream,
} from '../testing.ts'

const ADMIN = { host: '127.0.0.1', port: 0 }
const ROUTES = `[{ match: { prefix: /high }, route: { cluster: up, priority: HIGH, timeout: 0s } }, { match: { prefix: / }, route: { cluster: up, timeout: 0s } }]`
const BREAKERS = `circuit_breakers: { thresholds: [{ max_requests: 3, track_remaining: true }, { priority: HIGH, max_requests: 1 }] }`
const FAULT = `{ name: fault, typed_config: { "@type": ${FILTERS}.http.fault.v3.HTTPFault, delay: { fixed_delay: 60s, percentage: { numerator: 100 } }, max_active_faults: 3 } }`

interface Held {
  readonly waiting: Set<ServerResponse>
  most: number
}

/** An upstream that answers when it is told to. */
async function holdingUpstream(): Promise<Held & { port: number; close(): Promise<void> }> {
  const held: Held = { waiting: new Set(), most: 0 }
  const up = await upstream((_, response) => {
    held.waiting.add(response)
    held.most = Math.max(held.most, held.waiting.size)
    response.on('close', () => held.waiting.delete(response))
  })
  return Object.assign(held, { port: up.port, close: up.close })
}

async function stats(proxy: ProxyHandle, filter: string): Promise<Record<string, number>> {
  const text = await (await fetch(`http://${proxy.adminAddress}/stats?filter=${filter}`)).text()
  return Object.fromEntries(
    text.split('\n').map((line) => [line.slice(0, line.lastIndexOf(':')), Number(line.split(' ').pop())]),
  )
}

const breakers = (proxy: ProxyHandle) => stats(proxy, 'circuit_breakers')
const DEFAULT = 'cluster.up.circuit_breakers.default.'

/** As many requests, each on a connection of its own, so that either worker gets some. */
const ask = (proxy: ProxyHandle, count: number, path = '/') =>
  Array.from({ length: count }, () => get(portOf(proxy), path).catch(() => undefined))

/** By both workers. */
async function served(proxy: ProxyHandle): Promise<boolean> {
  const listeners = await proxy.workers.query<Record<string, number>>('connections')
  return listeners.length === 2 && listeners.every(({ web }) => web !== undefined)
}

const overflowed = (answer: Answer | undefined) => answer?.status === 503 && /overflow/.test(answer.body)

describe('circuit breakers', () => {
  test('the workers have max_requests together, each priority its own, and a dead one has none', async () => {
    const up = await holdingUpstream()
    const proxy = await testProxy([httpListener({ routes: ROUTES })], [cluster(up.port, BREAKERS)], {
      workers: 2,
      admin: ADMIN,
    })
    try {
      const first = ask(proxy, 24)
      const refused = () => Promise.all(first.map((one) => Promise.race([one, undefined])))
      await eventually(async () => (await refused()).filter(overflowed).length === 21)
      await eventually(() => up.waiting.size === 3)
      const full = await breakers(proxy)
      assert.deepEqual([full[`${DEFAULT}rq_open`], full[`${DEFAULT}remaining_rq`]], [1, 0])
      const high = ask(proxy, 1, '/high')
      await eventually(() => up.waiting.size === 4)
      assert.equal((await breakers(proxy))['cluster.up.circuit_breakers.high.rq_open'], 1)
      assert.ok(overflowed(await ask(proxy, 1, '/high')[0]))

      await proxy.workers.kill(0)
      await proxy.workers.kill(1)
      await Promise.all([...first, ...high])
      await eventually(() => served(proxy))
      await eventually(async () => (await breakers(proxy))[`${DEFAULT}remaining_rq`] === 3)
      up.most = 0
      let again = ask(proxy, 3)
      await eventually(() => up.waiting.size === 3)
      assert.ok(overflowed(await ask(proxy, 1)[0]))
      for (const response of up.waiting) response.end()
      assert.deepEqual(
        (await Promise.all(again)).map((answer) => answer?.status),
        [200, 200, 200],
      )

      again = ask(proxy, 3)
      await eventually(() => up.waiting.size === 3)
      for (const response of up.waiting) response.end()
      await Promise.all(again)
      assert.equal(up.most, 3)
      await eventually(async () => (await breakers(proxy))[`${DEFAULT}remaining_rq`] === 3)
    } finally {
      await proxy.close(0)
      await up.close()
    }
  })

  test('under load there are never more', async () => {
    let now = 0
    let most = 0
    const up = await upstream((_, response) => {
      most = Math.max(most, ++now)
      setImmediate(() => {
        now--
        response.end()
      })
    })
    const proxy = await testProxy([httpListener({ routes: ROUTES })], [cluster(up.port, BREAKERS)], {
      workers: 2,
      admin: ADMIN,
    })
    try {
      const statuses: (number | undefined)[] = []
      const client = async () => {
        for (let i = 0; i < 40; i++) statuses.push((await ask(proxy, 1)[0])?.status)
      }
      await Promise.all(Array.from({ length: 12 }, client))
      assert.ok(most <= 3, `${most} at once`)
      assert.deepEqual(
        [...new Set(statuses)].filter((status) => status !== 200 && status !== 503),
        [],
      )
      assert.ok(statuses.includes(200))
      const { [`${DEFAULT}rq_open`]: open, [`${DEFAULT}remaining_rq`]: remaining } = await breakers(proxy)
      assert.deepEqual([open, remaining], [0, 3])
    } finally {
      await proxy.close(0)
      await up.close()
    }
  })

  test('a cluster that is replaced begins anew, and what is under way stays with the old one', async () => {
    const up = await holdingUpstream()
    const control = new TestControl()
    const proxy = await startProxy({ ads: control.transport, node: { id: 'test' }, workers: 2, admin: ADMIN })
    const remaining = async () => (await breakers(proxy))[`${DEFAULT}remaining_rq`]
    try {
      control.set(TypeUrl.cluster, { up: clusterAny(cluster(up.port, BREAKERS)) })
      control.set(TypeUrl.listener, { web: listenerAny(httpListener({ routes: ROUTES })) }).push()
      await proxy.listening('web')
      const old = ask(proxy, 3)
      await eventually(() => up.waiting.size === 3)
      control.set(TypeUrl.cluster, { up: clusterAny(cluster(up.port, `${BREAKERS}\nmax_requests_per_connection: 9`)) })
      control.push()
      await eventually(async () => (await remaining()) === 3)
      const young = ask(proxy, 3)
      await eventually(() => up.waiting.size === 6)
      assert.equal(await remaining(), 0)
      assert.ok(overflowed(await ask(proxy, 1)[0]))
      for (const response of up.waiting) response.end()
      await Promise.all([...old, ...young])
      await eventually(async () => (await remaining()) === 3)
      control.set(TypeUrl.cluster, {}).push()
      await eventually(async () => (await remaining()) === undefined)
      assert.deepEqual(control.nacks, [])
    } finally {
      await proxy.close(0)
      control.server.close()
      await up.close()
    }
  })

  test('/clusters tells the limits, as Envoy does', async () => {
    const proxy = await testProxy([], [cluster(1, BREAKERS)], { admin: ADMIN })
    try {
      const text = await (await fetch(`http://${proxy.adminAddress}/clusters`)).text()
      const of = (key: string) => text.split('\n').filter((line) => line.startsWith(`up::${key}`))
      assert.deepEqual(
        [...of('default_priority'), ...of('high_priority')],
        [
          'up::default_priority::max_connections::1024',
          'up::default_priority::max_pending_requests::1024',
          'up::default_priority::max_requests::3',
          'up::default_priority::max_retries::3',
          'up::high_priority::max_connections::1024',
          'up::high_priority::max_pending_requests::1024',
          'up::high_priority::max_requests::1',
          'up::high_priority::max_retries::3',
        ],
      )
    } finally {
      await proxy.close(0)
    }
  })
})

test('the workers have max_active_faults together', async () => {
  const up = await upstream()
  const proxy = await testProxy([httpListener({ filters: [FAULT] })], [cluster(up.port)], { workers: 2, admin: ADMIN })
  try {
    const asked = ask(proxy, 12)
    let passed = 0
    for (const one of asked) void one.then((answer) => answer?.status === 200 && passed++)
    await eventually(() => passed === 9)
    const { 'http.web.fault.active_faults': active, 'http.web.fault.faults_overflow': overflow } = await stats(
      proxy,
      'fault',
    )
    assert.deepEqual([active, overflow], [3, 9])
    await proxy.workers.kill(0)
    await proxy.workers.kill(1)
    await Promise.all(asked)
    await eventually(() => served(proxy))
    const again = ask(proxy, 4)
    assert.equal((await Promise.race(again))?.status, 200)
    assert.equal((await stats(proxy, 'fault'))['http.web.fault.active_faults'], 3)
  } finally {
    await proxy.close(0)
    await up.close()
  }
})
