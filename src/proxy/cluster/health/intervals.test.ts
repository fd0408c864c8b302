import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { HealthCheckSchema } from '../../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { checkIntervals } from './intervals.ts'

const seconds = (n: number) => ({ seconds: BigInt(n) })
const STATES = [
  { healthy: true, changing: false },
  { healthy: true, changing: true },
  { healthy: false, changing: true },
  { healthy: false, changing: false },
] as const

// HealthCheckerImplBase::interval, and the defaults of health_check.proto.
test('the intervals of a check, by what was found and whether there is traffic', () => {
  const all = checkIntervals(
    create(HealthCheckSchema, {
      interval: seconds(1),
      healthyEdgeInterval: seconds(2),
      unhealthyEdgeInterval: seconds(3),
      unhealthyInterval: seconds(4),
      noTrafficInterval: seconds(5),
      noTrafficHealthyInterval: seconds(6),
    }),
    '',
  )
  const traffic = STATES.map((state) => all.next({ ...state, hasTraffic: true }))
  assert.deepEqual(traffic, [1000, 2000, 3000, 4000])
  const none = STATES.map((state) => all.next({ ...state, hasTraffic: false }))
  assert.deepEqual(none, [6000, 5000, 5000, 5000])

  const few = checkIntervals(create(HealthCheckSchema, { interval: seconds(1), unhealthyInterval: seconds(4) }), '')
  assert.deepEqual(
    STATES.map((state) => few.next({ ...state, hasTraffic: true })),
    [1000, 1000, 4000, 4000],
  )
  assert.equal(few.next({ healthy: true, changing: false, hasTraffic: false }), 60_000)
})

test('jitter only adds', () => {
  const { next, initialJitterMs } = checkIntervals(
    create(HealthCheckSchema, {
      interval: seconds(10),
      intervalJitter: seconds(1),
      intervalJitterPercent: 10,
      initialJitter: seconds(7),
    }),
    '',
  )
  assert.equal(initialJitterMs, 7000)
  for (let i = 0; i < 1000; i++) {
    const ms = next({ healthy: true, changing: false, hasTraffic: true })
    assert.ok(ms >= 10_000 && ms <= 12_000, String(ms))
  }
})
