import type { StatsScope } from '../stats/scope.ts'
import { AnswerCounters } from './answer-counters.ts'
import { ConnectionEnds } from './connection-ends.ts'
import type { ClusterStats } from './endpoint-host.ts'

/** `scope` ends in `cluster.<name>.` */
export function clusterStats(scope: StatsScope): ClusterStats {
  return {
    requests: scope.counter('upstream_rq_total'),
    activeRequests: scope.gauge('upstream_rq_active'),
    pendingActive: scope.gauge('upstream_rq_pending_active'),
    pendingTotal: scope.counter('upstream_rq_pending_total'),
    pendingFailures: scope.counter('upstream_rq_pending_failure_eject'),
    activeOverflow: scope.counter('upstream_rq_active_overflow'),
    pendingOverflow: scope.counter('upstream_rq_pending_overflow'),
    connections: scope.counter('upstream_cx_total'),
    activeConnections: scope.gauge('upstream_cx_active'),
    ends: new ConnectionEnds(scope),
    connectFail: scope.counter('upstream_cx_connect_fail'),
    connectTimeout: scope.counter('upstream_cx_connect_timeout'),
    maxDurationReached: scope.counter('upstream_cx_max_duration_reached'),
    connectionOverflow: scope.counter('upstream_cx_overflow'),
    timeouts: scope.counter('upstream_rq_timeout'),
    perTryTimeouts: scope.counter('upstream_rq_per_try_timeout'),
    perTryIdleTimeouts: scope.counter('upstream_rq_per_try_idle_timeout'),
    durationReached: scope.counter('upstream_rq_max_duration_reached'),
    retries: scope.counter('upstream_rq_retry'),
    retryBackOffs: scope.counter('upstream_rq_retry_backoff_exponential'),
    retryResets: scope.counter('upstream_rq_retry_backoff_ratelimited'),
    retrySuccess: scope.counter('upstream_rq_retry_success'),
    retryOverflow: scope.counter('upstream_rq_retry_overflow'),
    retryAbandoned: scope.counter('retry_or_shadow_abandoned'),
    retryLimit: scope.counter('upstream_rq_retry_limit_exceeded'),
    resets: scope.counter('upstream_rq_rx_reset'),
    resetsSent: scope.counter('upstream_rq_tx_reset'),
    redirectsFollowed: scope.counter('upstream_internal_redirect_succeeded_total'),
    redirectsLeft: scope.counter('upstream_internal_redirect_failed_total'),
    answers: new AnswerCounters(scope),
    duration: scope.histogram('upstream_rq_time'),
    noHealthy: scope.counter('upstream_cx_none_healthy'),
    panics: scope.counter('lb_healthy_panic'),
    healthy: scope.gauge('membership_healthy'),
    total: scope.gauge('membership_total'),
    degraded: scope.gauge('membership_degraded'),
    excluded: scope.gauge('membership_excluded'),
    subsets: {
      active: scope.gauge('lb_subsets_active'),
      selected: scope.counter('lb_subsets_selected'),
      fallback: scope.counter('lb_subsets_fallback'),
      fallbackPanic: scope.counter('lb_subsets_fallback_panic'),
    },
    zones: {
      recalculated: scope.counter('lb_recalculate_zone_structures'),
      tooSmall: scope.counter('lb_zone_cluster_too_small'),
      localNotOk: scope.counter('lb_local_cluster_not_ok'),
      direct: scope.counter('lb_zone_routing_all_directly'),
      sampled: scope.counter('lb_zone_routing_sampled'),
      crossZone: scope.counter('lb_zone_routing_cross_zone'),
      noCapacity: scope.counter('lb_zone_no_capacity_left'),
    },
  }
}
