import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CircuitBreaker } from './circuit-breaker.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { KeyedPools } from './keyed-pools.ts'
import { PriorityPools } from './priority-pools.ts'
import type { UpstreamCallbacks } from './upstream.ts'

class FakePool implements ConnectionPool {
  readonly connections = 1
  drained = false

  newStream(): undefined {}

  drain(): void {
    this.drained = true
  }

  closeIdle(): boolean {
    return false
  }
}

const CALLBACKS = {} as UpstreamCallbacks

// A retry may come to a host that has gone meanwhile.
for (const [what, make] of [
  [
    'of high priority',
    (pool: () => ConnectionPool) => {
      const pools = new PriorityPools(new CircuitBreaker(undefined, ''), pool)
      return { drain: () => pools.drain(), ask: () => pools.newStream(CALLBACKS, true) }
    },
  ],
  [
    'for a client of its own',
    (pool: () => ConnectionPool) => {
      let clients = 0
      const pools = new KeyedPools(() => String(clients++), pool, new CircuitBreaker(undefined, '').default.connections)
      pools.newStream(CALLBACKS)
      return { drain: () => pools.drain(), ask: () => pools.newStream(CALLBACKS) }
    },
  ],
] as const) {
  test(`a pool ${what} that is made when the host has gone keeps no connection`, () => {
    const made: FakePool[] = []
    const pools = make(() => {
      const pool = new FakePool()
      made.push(pool)
      return pool
    })
    pools.drain()
    pools.ask()
    assert.deepEqual(
      made.map(({ drained }) => drained),
      [true, true],
    )
  })
}
