import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HistogramCell } from '../../telemetry/metrics.ts'
import { quantilesJson, quantilesText } from './quantiles.ts'

const recorded = (...values: number[]) => {
  const cell = new HistogramCell([10, 100, 1000])
  for (const value of values) cell.record(value)
  return cell
}
const cumulative = (...values: number[]) => {
  const { computed_quantiles } = quantilesJson([['h', recorded(...values)]]) as {
    computed_quantiles: { values: { cumulative: number | null }[] }[]
  }
  return computed_quantiles[0].values.map((value) => value.cumulative)
}

test('values divide their bucket evenly, as in Envoy', () => {
  // Envoy tells 4033.3333333333335 and 4066.6666666666665 of two values in its bucket from 4000 to 4100.
  assert.deepEqual(cumulative(20, 30), [40, 40, 40, 50, 50, 50, 50, 50, 50, 50])
  assert.equal(
    quantilesText(recorded(5, 5, 5, 200)),
    'P0(nan,2.5) P25(nan,2.5) P50(nan,5) P75(nan,7.5) P90(nan,215) P95(nan,215) P99(nan,215) P99.5(nan,215) P99.9(nan,215) P100(nan,215)',
  )
})

test('no quantile is more than all values together, nor above the bounds', () => {
  assert.deepEqual(new Set(cumulative(0, 0, 0)), new Set([0]))
  assert.deepEqual(new Set(cumulative(5000)), new Set([1000]))
})

test('where nothing was recorded, that is said', () => {
  assert.equal(quantilesText(recorded()), 'No recorded values')
  assert.deepEqual(new Set(cumulative()), new Set([null]))
})
