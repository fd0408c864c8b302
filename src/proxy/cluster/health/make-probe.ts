import type { HealthCheck } from '../../../../gen/envoy/config/core/v3/health_check_pb.ts'
import { requireFile } from '../../../base/require-file.ts'
import { pauseMs, unsupported } from '../../config/fields.ts'
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
      return http().httpProbe(kind.value, settings)
    case 'grpcHealthCheck':
      return grpc().grpcProbe(kind.value, settings)
    default:
      throw unsupported(settings.path, 'only HTTP, TCP and gRPC are supported')
  }
}

/** Loaded with the first check of their kind, for node:http and node:http2 take 8 MB of each thread; requests have codecs of their own. */
const http = () => requireFile(import.meta.url, './http-probe.ts') as typeof import('./http-probe.ts')
const grpc = () => requireFile(import.meta.url, './grpc-probe.ts') as typeof import('./grpc-probe.ts')

const FIELD: Readonly<Record<string, string>> = {
  tcpHealthCheck: 'tcp_health_check',
  httpHealthCheck: 'http_health_check',
  grpcHealthCheck: 'grpc_health_check',
  customHealthCheck: 'custom_health_check',
}
