import type { HealthCheck } from '../../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { pauseMs, unsupported } from '../../config/fields.ts'
import { grpcProbe } from './grpc-probe.ts'
import { httpProbe } from './http-probe.ts'
import type { ProbeFactory } from './probe.ts'
import { tcpProbe } from './tcp-probe.ts'

/** What asks the hosts of a cluster as a health check says. */
export function healthProbe(check: HealthCheck, clusterName: string, path: string): ProbeFactory {
  const settings = {
    clusterName,
    timeoutMs: pauseMs(check.timeout, 1000, `${path}.timeout`),
    reuse: check.reuseConnection ?? true,
    path: `${path}.${FIELD[check.healthChecker.case ?? ''] ?? 'health_checker'}`,
  }
  const kind = check.healthChecker
  switch (kind.case) {
    case 'tcpHealthCheck':
      return tcpProbe(kind.value, settings)
    case 'httpHealthCheck':
      return httpProbe(kind.value, settings)
    case 'grpcHealthCheck':
      return grpcProbe(kind.value, settings)
    default:
      throw unsupported(settings.path, 'only HTTP, TCP and gRPC are supported')
  }
}

const FIELD: Readonly<Record<string, string>> = {
  tcpHealthCheck: 'tcp_health_check',
  httpHealthCheck: 'http_health_check',
  grpcHealthCheck: 'grpc_health_check',
  customHealthCheck: 'custom_health_check',
}
