/** What is counted of an upstream request: by its cluster, by its host, and by outlier detection. */
import type { HeaderMap } from '../../../base/header-map.ts'
import type { Cluster } from '../../cluster/cluster.ts'
import type { EndpointHost } from '../../cluster/endpoint-host.ts'
import { httpFromGrpc } from '../../http/http-from-grpc.ts'
import { isGrpc } from '../../route/route-match.ts'

/** For health checks and outlier detection, whatever becomes of the answer. */
export function judgeAnswer(
  cluster: Cluster,
  host: EndpointHost,
  request: HeaderMap,
  headers: HeaderMap,
  status: number,
): void {
  if (cluster.checks !== undefined && headers.has('x-envoy-immediate-health-check-fail'))
    cluster.checks.failedAtOnce(host)
  cluster.outliers?.onResponse(host, judgedStatus(request, headers, status))
}

/** `used`: the client gets the answer; one that is tried again is no success. */
export function countAnswer(host: EndpointHost, status: number, used: boolean): void {
  if (!used || status >= 500) host.errors++
  else host.successes++
}

export function countFailure(cluster: Cluster, host: EndpointHost): void {
  cluster.outliers?.onLocalFailure(host)
  host.errors++
}

/** A try ended by a timeout of the route or its own. `answered`: it is late with the rest of its answer. */
export function countTimeout(host: EndpointHost, answered: boolean): void {
  host.timeouts++
  if (!answered) host.errors++
}

/** Once for each try that might still have answered, as in Envoy. */
export function countRouteTimeout(cluster: Cluster, hosts: readonly EndpointHost[], answered: boolean): void {
  cluster.stats.timeouts.value += hosts.length
  for (const host of hosts) countTimeout(host, answered)
}

/** An answer that the client gets. */
export function countGiven(cluster: Cluster, request: HeaderMap, status: number): void {
  cluster.stats.answers.given(status, request.get('x-envoy-internal') === 'true')
}

/** Outlier detection counts what gRPC says in the headers of an answer like HTTP's status. */
function judgedStatus(request: HeaderMap, headers: HeaderMap, status: number): number {
  const grpc = headers.get('grpc-status')
  return grpc !== undefined && isGrpc(request) ? httpFromGrpc(grpc) : status
}
