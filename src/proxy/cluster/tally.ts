/** What is counted of a request to a cluster: by the cluster, by its host, and by outlier detection. */
import type { HeaderMap } from '../../base/header-map.ts'
import { httpFromGrpc } from '../http/http-from-grpc.ts'
import { isGrpc } from '../route/route-match.ts'
import type { Cluster } from './cluster.ts'
import type { EndpointHost } from './endpoint-host.ts'

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

/** An answer that is used. True: one to a gRPC call, whose end tells what it is (`countCall`). */
export function countAnswer(
  host: EndpointHost,
  request: HeaderMap,
  headers: HeaderMap,
  status: number,
  endStream: boolean,
): boolean {
  if (status >= 500 && status < 600) host.errors++
  else if (!isGrpc(request)) host.successes++
  else if (endStream) countCall(host, headers)
  else return true
  return false
}

/** A gRPC call has ended; `fields`: where its status has to stand. Without one it has failed (Filter::onUpstreamTrailers). */
export function countCall(host: EndpointHost, fields: HeaderMap | undefined): void {
  const grpc = fields?.get('grpc-status')
  if (grpc !== undefined && httpFromGrpc(grpc) < 500) host.successes++
  else host.errors++
}

/**
 * The request broke. `counts`: its host has not been counted for an answer yet, because there was none, or because it was a gRPC call,
 * whose end tells whether it succeeded.
 */
export function countFailure(cluster: Cluster, host: EndpointHost, counts: boolean): void {
  cluster.outliers?.onLocalFailure(host)
  if (counts) host.errors++
}

/** The request took too long; `counts` as above. */
export function countTimeout(host: EndpointHost, counts: boolean): void {
  host.timeouts++
  if (counts) host.errors++
}

/** Outlier detection counts what gRPC says in the headers of an answer like HTTP's status. */
function judgedStatus(request: HeaderMap, headers: HeaderMap, status: number): number {
  const grpc = headers.get('grpc-status') ?? ''
  return grpc !== '' && isGrpc(request) ? httpFromGrpc(grpc) : status
}
