/** The statistical detectors (Envoy's DetectorImpl::processSuccessRateEjections). */

/** A host with its requests of the last interval. */
export interface Sample<H> {
  readonly host: H
  readonly total: number
  readonly success: number
}

/** Which hosts are enough in number, and had enough requests, to be compared. */
export interface SampleBounds {
  readonly minimumHosts: number
  readonly requestVolume: number
}

function comparable<H>(samples: readonly Sample<H>[], bounds: SampleBounds): { host: H; rate: number }[] {
  const enough = samples.filter(({ total }) => total > 0 && total >= bounds.requestVolume)
  if (enough.length === 0 || enough.length < bounds.minimumHosts) return []
  return enough.map(({ host, total, success }) => ({ host, rate: (100 * success) / total }))
}

/** What hosts are measured by, in percents. */
export interface SuccessRates {
  readonly average: number
  readonly threshold: number
}

/** Too few hosts can be compared. */
export const NO_RATES: SuccessRates = { average: -1, threshold: -1 }

/** The mean of the success rates, and what is lower than it by `factor` standard deviations. */
export function successRates(samples: readonly Sample<unknown>[], bounds: SampleBounds, factor: number): SuccessRates {
  const hosts = comparable(samples, bounds)
  if (hosts.length === 0) return NO_RATES
  const mean = hosts.reduce((sum, { rate }) => sum + rate, 0) / hosts.length
  const variance = hosts.reduce((sum, { rate }) => sum + (rate - mean) ** 2, 0) / hosts.length
  return { average: mean, threshold: mean - factor * Math.sqrt(variance) }
}

/** Hosts whose success rate is lower than the threshold. */
export function lowSuccessRate<H>(samples: readonly Sample<H>[], bounds: SampleBounds, threshold: number): H[] {
  return comparable(samples, bounds)
    .filter(({ rate }) => rate < threshold)
    .map(({ host }) => host)
}

/** Hosts that failed this part of their requests, or more. */
export function highFailurePercentage<H>(samples: readonly Sample<H>[], bounds: SampleBounds, percent: number): H[] {
  return comparable(samples, bounds)
    .filter(({ rate }) => 100 - rate >= percent)
    .map(({ host }) => host)
}
