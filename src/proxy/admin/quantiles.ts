/** Histograms as `/stats` tells them: by quantiles, of which Envoy's tools know the form. */
import type { HistogramSnapshot } from '../stats/store.ts'

/** Those that Envoy tells, in percent (`HistogramStatisticsImpl::supportedQuantiles`). */
const PERCENT = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100]

/**
 * The n values of a bucket stand for the n places that divide it evenly, as in Envoy's libcircllhist, whose buckets are narrower: Envoy is
 * off by 5 % at most, this by as much as a bucket is wide. What is above all bounds is told as the highest of them.
 */
function quantile({ bounds, counts, sum, count }: HistogramSnapshot, percent: number): number {
  const rank = Math.max(1, Math.ceil((percent * count) / 100))
  let before = 0
  for (let i = 0; i < bounds.length; i++) {
    const place = rank - before
    const low = i === 0 ? 0 : bounds[i - 1]
    // No value is negative, so none is more than the sum. Many a time took 0 ms.
    if (place <= counts[i]) return Math.min(sum, low + ((bounds[i] - low) * place) / (counts[i] + 1))
    before += counts[i]
  }
  return bounds[bounds.length - 1]
}

/**
 * `P0(nan,1) P25(nan,1.5) …`: first of the last interval, then of all time. Nothing is flushed here, so that no interval has any value,
 * which Envoy writes so.
 */
export function quantilesText(histogram: HistogramSnapshot): string {
  if (histogram.count === 0) return 'No recorded values'
  return PERCENT.map((percent) => `P${percent}(nan,${quantile(histogram, percent)})`).join(' ')
}

/** Envoy's form of all of them: one list of quantiles, and for each name the values in its order. */
export function quantilesJson(histograms: readonly (readonly [name: string, HistogramSnapshot])[]): unknown {
  return {
    supported_quantiles: PERCENT,
    computed_quantiles: histograms.map(([name, histogram]) => ({
      name,
      values: PERCENT.map((percent) => ({
        cumulative: histogram.count === 0 ? null : quantile(histogram, percent),
        interval: null,
      })),
    })),
  }
}
