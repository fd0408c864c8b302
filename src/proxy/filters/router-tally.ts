/** What is counted of an upstream request: by its cluster, by its host, and by outlier detection. */
import type { HeaderMap } from '../../base/header-map.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { EndpointHost } from '../cluster/endpoint-host.ts'

export function countAnswer(
  cluster: Cluster,
  host: EndpointHost,
  headers: HeaderMap,
  status: number,
  dynamicStats: boolean,
): void {
  cluster.outliers?.onResponse(host, grpcFailure(headers, status))
  if (dynamicStats) cluster.stats.classes[status < 600 ? Math.floor(status / 100) : 0].value++
  host.requests++
  if (status >= 500) host.errors++
  else host.successes++
}

/** `connecting`: there was no connection yet. */
export function countFailure(cluster: Cluster, host: EndpointHost, connecting: boolean): void {
  cluster.outliers?.onLocalFailure(host)
  if (!connecting) cluster.stats.resets.value++
  host.requests++
  host.errors++
}

/** Outlier detection counts gRPC's server faults like HTTP's. */
function grpcFailure(headers: HeaderMap, status: number): number {
  const grpc = headers.get('grpc-status')
  if (grpc === undefined || status !== 200) return status
  return grpc === '14' || grpc === '13' || grpc === '2' || grpc === '15' ? 503 : status
}
