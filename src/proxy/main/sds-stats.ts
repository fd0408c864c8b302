import type { Cell } from '../../telemetry/metrics.ts'
import type { StatsStore } from '../stats/store.ts'

/** What becomes of the deliveries of one secret, by Envoy's names. */
interface SdsStats {
  readonly attempt: Cell
  readonly success: Cell
  /** Nothing could be read, or the management server is gone. */
  readonly failure: Cell
  /** What was read could not be used. */
  readonly rejected: Cell
  /** It has not come within `initial_fetch_timeout`. */
  readonly initFetchTimeout: Cell
  /** Files that the secret names have changed for the worse. */
  readonly rotationFailed: Cell
  readonly updateTime: Cell
}

/** What the names of a secret's statistics begin with. */
export function sdsPrefix(name: string): string {
  return `sds.${name}.`
}

/** The statistics of the secret of this name. */
export function sdsStats(stats: StatsStore, name: string): SdsStats {
  const scope = stats.named(sdsPrefix(name))
  return {
    attempt: scope.counter('update_attempt'),
    success: scope.counter('update_success'),
    failure: scope.counter('update_failure'),
    rejected: scope.counter('update_rejected'),
    initFetchTimeout: scope.counter('init_fetch_timeout'),
    rotationFailed: scope.counter('key_rotation_failed'),
    updateTime: scope.gauge('update_time'),
  }
}

/** Counts that the management server has gone, or cannot be reached, as Envoy does for each secret that it is asked for. */
export function countLost(stats: SdsStats): void {
  stats.attempt.value++
  stats.failure.value++
}

/** Counts that somebody waits for it no longer. */
export function countFetchTimeout(stats: SdsStats): void {
  stats.attempt.value++
  stats.initFetchTimeout.value++
}

/** Counts one delivery that was read. */
export function countUpdate(stats: SdsStats, problem: string | undefined): void {
  if (problem !== undefined) {
    stats.rejected.value++
    return
  }
  stats.success.value++
  stats.updateTime.value = Date.now()
}
