import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import type { OverloadState } from '../overload/overload-state.ts'
import { eventually } from '../testing.ts'
import { CountMemories } from './count-memories.ts'
import { WorkerPool } from './worker-pool.ts'

test('a worker is replaced also when the first that is to take its place does not start', async () => {
  let refusals = 0
  const overload = {
    get shared() {
      if (refusals === 0) return undefined
      refusals--
      throw new Error('no room for a thread')
    },
    forget() {},
  }
  const pool = new WorkerPool({
    node: create(NodeSchema),
    count: 1,
    servicesThread: false,
    overload: overload as unknown as OverloadState,
    counts: new CountMemories(1),
    fullState: () => [],
  })
  try {
    await pool.start()
    refusals = 2
    await pool.kill(0)
    await eventually(async () => refusals === 0 && (await pool.query('connections')).length === 1, 'a worker')
    assert.equal(pool.restarts, 1)
  } finally {
    await pool.close(0)
  }
})
