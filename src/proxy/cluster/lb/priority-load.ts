/** How the traffic of a cluster is shared among its priorities (Envoy's LoadBalancerBase, in whole percents as there). */

/** How many hosts of one priority there are, and how they are. */
export interface PriorityHealth {
  readonly total: number
  readonly healthy: number
  readonly degraded: number
  /** Not counted, though they are part of `total`. */
  readonly excluded: number
}

/** The share of one priority. */
interface PriorityLoad {
  /** Percents that go to the healthy, and to the degraded hosts. */
  healthy: number
  degraded: number
  /** Too few can be used: better some errors than all traffic on the last host standing. */
  panic: boolean
}

/** `overprovisioning` and `panicThreshold` are percents. Together the loads are 100, unless there are no hosts. */
export function priorityLoads(
  levels: readonly PriorityHealth[],
  overprovisioning: number,
  panicThreshold: number,
): PriorityLoad[] {
  const share = (count: number, level: PriorityHealth): number => {
    const hosts = level.total - level.excluded
    return hosts === 0 ? 0 : Math.min(100, Math.floor((overprovisioning * count) / hosts))
  }
  const healthy = levels.map((level) => share(level.healthy, level))
  const degraded = levels.map((level) => share(level.degraded, level))
  const available = Math.min(100, sum(healthy) + sum(degraded))
  const loads: PriorityLoad[] = levels.map((level) => ({
    healthy: 0,
    degraded: 0,
    panic: available < 100 && inPanic(level, panicThreshold),
  }))
  if (loads.length === 0) return loads
  if (loads.every(({ panic }) => panic)) {
    const total = sum(levels.map((level) => level.total))
    if (total === 0) return loads
    loads.forEach((load, i) => {
      load.healthy = Math.floor((100 * levels[i].total) / total)
    })
    loads[levels.findIndex((level) => level.total > 0)].healthy += 100 - sum(loads.map((load) => load.healthy))
    return loads
  }
  if (available === 0) {
    loads[0].healthy = 100
    return loads
  }
  let left = 100
  const take = (percent: number): number => {
    const taken = Math.min(left, Math.floor((percent * 100) / available))
    left -= taken
    return taken
  }
  for (const [i, load] of loads.entries()) load.healthy = take(healthy[i])
  for (const [i, load] of loads.entries()) load.degraded = take(degraded[i])
  // What rounding left over.
  const first = healthy.findIndex((percent) => percent > 0)
  if (first !== -1) loads[first].healthy += left
  else loads[degraded.findIndex((percent) => percent > 0)].degraded += left
  return loads
}

/** Whether too few of the hosts can be used. */
export function inPanic(level: PriorityHealth, threshold: number): boolean {
  const hosts = level.total - level.excluded
  const usable = hosts === 0 ? 0 : (100 * (level.healthy + level.degraded)) / hosts
  return usable < threshold
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
