import type { HealthCheck } from '../../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { durationMs, pauseMs } from '../../config/fields.ts'

/** How long to wait for the next question (Envoy's HealthCheckerImplBase::interval). */
export interface CheckIntervals {
  readonly initialJitterMs: number
  next(state: CheckState): number
}

/** What the next pause depends on. */
interface CheckState {
  readonly healthy: boolean
  /** An answer has come that differs from the state; a threshold is waited for. */
  readonly changing: boolean
  /** Some connection was ever made to the cluster. */
  readonly hasTraffic: boolean
}

/** Reads the intervals of a check; each that is missing is the one it stands in for. */
export function checkIntervals(check: HealthCheck, path: string): CheckIntervals {
  const interval = pauseMs(check.interval, 1000, `${path}.interval`)
  const unhealthy = pauseMs(check.unhealthyInterval, interval, `${path}.unhealthy_interval`)
  const unhealthyEdge = pauseMs(check.unhealthyEdgeInterval, unhealthy, `${path}.unhealthy_edge_interval`)
  const healthyEdge = pauseMs(check.healthyEdgeInterval, interval, `${path}.healthy_edge_interval`)
  const noTraffic = pauseMs(check.noTrafficInterval, 60_000, `${path}.no_traffic_interval`)
  const noTrafficHealthy = pauseMs(check.noTrafficHealthyInterval, noTraffic, `${path}.no_traffic_healthy_interval`)
  const jitterMs = durationMs(check.intervalJitter, 0)
  const jitterPercent = check.intervalJitterPercent
  const base = ({ healthy, changing, hasTraffic }: CheckState): number => {
    if (!hasTraffic) return healthy && !changing ? noTrafficHealthy : noTraffic
    if (changing) return healthy ? healthyEdge : unhealthyEdge
    return healthy ? interval : unhealthy
  }
  return {
    initialJitterMs: durationMs(check.initialJitter, 0),
    next(state) {
      const ms = base(state)
      return Math.max(1, ms + Math.random() * ((jitterPercent * ms) / 100) + Math.random() * jitterMs)
    },
  }
}
