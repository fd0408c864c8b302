import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  highFailurePercentage,
  lowSuccessRate,
  NO_RATES,
  type Sample,
  type SampleBounds,
  successRates,
} from './success-rate.ts'

const rates = (...list: readonly number[]): Sample<number>[] =>
  list.map((rate, host) => ({ host, total: 100, success: rate }))

function low(samples: readonly Sample<number>[], bounds: SampleBounds, factor: number): number[] {
  return lowSuccessRate(samples, bounds, successRates(samples, bounds, factor).threshold)
}

// outlier_detection.proto: mean - (stdev * success_rate_stdev_factor).
test('a host far below the others is found by its success rate', () => {
  const bounds = { minimumHosts: 5, requestVolume: 100 }
  assert.deepEqual(low(rates(100, 100, 100, 100, 50), bounds, 1.9), [4])
  assert.deepEqual(low(rates(100, 100, 100, 50, 50), bounds, 1.9), [])
  assert.deepEqual(low(rates(100, 100, 100, 50, 50), bounds, 1), [3, 4])
  assert.deepEqual(low(rates(50, 50, 50, 50, 50), bounds, 1.9), [])
  assert.deepEqual(low(rates(100, 100, 100, 50), bounds, 1.9), [], 'too few hosts')
  assert.deepEqual(low(rates(100, 100, 100, 100, 50), { ...bounds, requestVolume: 101 }, 1.9), [])
  assert.deepEqual(successRates(rates(100, 100, 50, 50), { ...bounds, minimumHosts: 4 }, 1), {
    average: 75,
    threshold: 50,
  })
  assert.equal(successRates(rates(100, 100, 50, 50), bounds, 1), NO_RATES)
})

test('a host that fails often is found whatever the others do', () => {
  const bounds = { minimumHosts: 2, requestVolume: 50 }
  assert.deepEqual(highFailurePercentage(rates(15, 16, 0), bounds, 85), [0, 2])
  assert.deepEqual(highFailurePercentage(rates(0), bounds, 85), [], 'too few hosts')
  assert.deepEqual(
    highFailurePercentage([{ host: 0, total: 0, success: 0 }], { minimumHosts: 0, requestVolume: 0 }, 0),
    [],
  )
})
