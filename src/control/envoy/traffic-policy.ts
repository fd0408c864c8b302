import { protoDuration } from '../model/duration.ts'
import type { Config } from './config.ts'

// biome-ignore lint/suspicious/noExplicitAny: a TrafficPolicy that the API server has checked against its CRD
type Policy = Record<string, any>

const LB_POLICY: Record<string, string> = {
  LEAST_CONN: 'LEAST_REQUEST',
  LEAST_REQUEST: 'LEAST_REQUEST',
  RANDOM: 'RANDOM',
  ROUND_ROBIN: 'ROUND_ROBIN',
}

const UNLIMITED = 4294967295

/** The cluster fields that a DestinationRule's traffic policy changes. */
export function trafficPolicy(policy: Policy, port: number): Config {
  const own = (policy['portLevelSettings'] ?? []).find((level: Policy) => level['port']?.number === port)
  const { loadBalancer, connectionPool, outlierDetection } = { ...policy, ...own }
  return defined({
    lb_policy: loadBalancer?.simple === undefined ? undefined : LB_POLICY[loadBalancer.simple],
    connect_timeout:
      connectionPool?.tcp?.connectTimeout === undefined ? undefined : protoDuration(connectionPool.tcp.connectTimeout),
    circuit_breakers: connectionPool === undefined ? undefined : { thresholds: [thresholds(connectionPool)] },
    outlier_detection: outlierDetection === undefined ? undefined : outliers(outlierDetection),
  })
}

function thresholds({ tcp, http }: Policy): Config {
  return {
    max_connections: tcp?.maxConnections ?? UNLIMITED,
    max_pending_requests: http?.http1MaxPendingRequests ?? UNLIMITED,
    max_requests: http?.http2MaxRequests ?? UNLIMITED,
    max_retries: http?.maxRetries ?? UNLIMITED,
    track_remaining: true,
  }
}

function outliers(detection: Policy): Config {
  const duration = (text: string | undefined) => (text === undefined ? undefined : protoDuration(text))
  return {
    consecutive_5xx: detection['consecutive5xxErrors'],
    consecutive_gateway_failure: detection['consecutiveGatewayErrors'],
    enforcing_consecutive_gateway_failure: detection['consecutiveGatewayErrors'] === undefined ? undefined : 100,
    interval: duration(detection['interval']),
    base_ejection_time: duration(detection['baseEjectionTime']),
    max_ejection_percent: detection['maxEjectionPercent'],
  }
}

function defined(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))
}
