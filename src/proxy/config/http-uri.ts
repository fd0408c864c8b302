import type { HttpUri } from '../../../gen/envoy/config/core/v3/http_uri_pb.ts'
import { durationMs, invalid } from './fields.ts'

/** A server by its cluster: the URI says what it is asked for, and not where it is. */
export interface HttpServer {
  readonly uri: string
  readonly cluster: string
  readonly timeoutMs: number
}

/** All three are needed, as in Envoy. */
export function httpServer(proto: HttpUri | undefined, path: string): HttpServer {
  const { uri = '', timeout } = proto ?? {}
  const cluster = proto?.httpUpstreamType.value ?? ''
  if (uri === '') throw invalid(`${path}.uri`, 'missing')
  if (cluster === '') throw invalid(`${path}.cluster`, 'a cluster is missing')
  if (timeout === undefined) throw invalid(`${path}.timeout`, 'missing; 0s is none')
  if (timeout.seconds < 0n || timeout.nanos < 0) throw invalid(`${path}.timeout`, 'must not be negative')
  return { uri, cluster, timeoutMs: durationMs(timeout, 0) }
}
