import {
  type OutlierDetection,
  OutlierDetectionSchema,
} from '../../../../gen/envoy/config/cluster/v3/outlier_detection_pb.ts'
import { durationMs, invalid, onlyFields, pauseMs } from '../../config/fields.ts'
import type { SampleBounds } from './success-rate.ts'

/** Why a host is ejected, with Envoy's names in the statistics. */
export const EJECTIONS = [
  'consecutive_5xx',
  'consecutive_gateway_failure',
  'consecutive_local_origin_failure',
  'success_rate',
  'local_origin_success_rate',
  'failure_percentage',
  'local_origin_failure_percentage',
] as const
/** Why a host was ejected, by the name that Envoy's statistics have for it. */
export type Ejection = (typeof EJECTIONS)[number]

/** The settings of outlier detection, read once. */
export interface OutlierConfig {
  readonly consecutive5xx: number
  readonly consecutiveGatewayFailure: number
  readonly consecutiveLocalOriginFailure: number
  /** Connections and answers are judged apart. */
  readonly split: boolean
  /** Percents of the detections that eject. */
  readonly enforcing: Readonly<Record<Ejection, number>>
  readonly successRate: SampleBounds & { readonly stdevFactor: number }
  readonly failurePercentage: SampleBounds & { readonly threshold: number }
  readonly intervalMs: number
  readonly baseEjectionMs: number
  readonly maxEjectionMs: number
  readonly jitterMs: number
  readonly maxEjectionPercent: number
  readonly alwaysEjectOne: boolean
  /** A health check that passes brings a host back. */
  readonly unejectByHealthCheck: boolean
}

const FIELDS = [
  'consecutive_5xx',
  'interval',
  'base_ejection_time',
  'max_ejection_percent',
  'enforcing_consecutive_5xx',
  'enforcing_success_rate',
  'success_rate_minimum_hosts',
  'success_rate_request_volume',
  'success_rate_stdev_factor',
  'consecutive_gateway_failure',
  'enforcing_consecutive_gateway_failure',
  'split_external_local_origin_errors',
  'consecutive_local_origin_failure',
  'enforcing_consecutive_local_origin_failure',
  'enforcing_local_origin_success_rate',
  'failure_percentage_threshold',
  'enforcing_failure_percentage',
  'enforcing_failure_percentage_local_origin',
  'failure_percentage_minimum_hosts',
  'failure_percentage_request_volume',
  'max_ejection_time',
  'max_ejection_time_jitter',
  'successful_active_health_check_uneject_host',
  'always_eject_one_host',
]

/** Reads `outlier_detection`, with Envoy's defaults. */
export function outlierConfig(proto: OutlierDetection, path: string): OutlierConfig {
  onlyFields(OutlierDetectionSchema, proto, FIELDS, path)
  const baseEjectionMs = durationMs(proto.baseEjectionTime, 30_000)
  const maxEjectionMs = durationMs(proto.maxEjectionTime, Math.max(baseEjectionMs, 300_000))
  const intervalMs = pauseMs(proto.interval, 10_000, `${path}.interval`)
  for (const [name, percent] of percentages(proto))
    if (percent !== undefined && percent > 100) throw invalid(`${path}.${name}`, 'must be 0 to 100')
  if (maxEjectionMs < baseEjectionMs) throw invalid(`${path}.max_ejection_time`, 'is shorter than base_ejection_time')
  return {
    consecutive5xx: proto.consecutive5xx ?? 5,
    consecutiveGatewayFailure: proto.consecutiveGatewayFailure ?? 5,
    consecutiveLocalOriginFailure: proto.consecutiveLocalOriginFailure ?? 5,
    split: proto.splitExternalLocalOriginErrors,
    enforcing: {
      consecutive_5xx: proto.enforcingConsecutive5xx ?? 100,
      consecutive_gateway_failure: proto.enforcingConsecutiveGatewayFailure ?? 0,
      consecutive_local_origin_failure: proto.enforcingConsecutiveLocalOriginFailure ?? 100,
      success_rate: proto.enforcingSuccessRate ?? 100,
      local_origin_success_rate: proto.enforcingLocalOriginSuccessRate ?? 100,
      failure_percentage: proto.enforcingFailurePercentage ?? 0,
      local_origin_failure_percentage: proto.enforcingFailurePercentageLocalOrigin ?? 0,
    },
    successRate: {
      minimumHosts: proto.successRateMinimumHosts ?? 5,
      requestVolume: proto.successRateRequestVolume ?? 100,
      stdevFactor: (proto.successRateStdevFactor ?? 1900) / 1000,
    },
    failurePercentage: {
      minimumHosts: proto.failurePercentageMinimumHosts ?? 5,
      requestVolume: proto.failurePercentageRequestVolume ?? 50,
      threshold: proto.failurePercentageThreshold ?? 85,
    },
    intervalMs,
    baseEjectionMs,
    maxEjectionMs,
    jitterMs: durationMs(proto.maxEjectionTimeJitter, 0),
    maxEjectionPercent: proto.maxEjectionPercent ?? 10,
    alwaysEjectOne: proto.alwaysEjectOneHost ?? false,
    unejectByHealthCheck: proto.successfulActiveHealthCheckUnejectHost ?? true,
  }
}

/** Those that the proto bounds. */
function percentages(proto: OutlierDetection): [string, number | undefined][] {
  return [
    ['max_ejection_percent', proto.maxEjectionPercent],
    ['enforcing_consecutive_5xx', proto.enforcingConsecutive5xx],
    ['enforcing_consecutive_gateway_failure', proto.enforcingConsecutiveGatewayFailure],
    ['enforcing_consecutive_local_origin_failure', proto.enforcingConsecutiveLocalOriginFailure],
    ['enforcing_success_rate', proto.enforcingSuccessRate],
    ['enforcing_local_origin_success_rate', proto.enforcingLocalOriginSuccessRate],
    ['enforcing_failure_percentage', proto.enforcingFailurePercentage],
    ['enforcing_failure_percentage_local_origin', proto.enforcingFailurePercentageLocalOrigin],
    ['failure_percentage_threshold', proto.failurePercentageThreshold],
  ]
}
