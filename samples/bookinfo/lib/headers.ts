import type { IncomingHttpHeaders } from 'node:http'

/**
 * What each service copies from the request it got to the requests it makes. A proxy beside a service can tie the two together
 * only by these: the trace contexts of the tracers in use, and who the user is, so that routes and policies behind see it too.
 */
const PROPAGATED = [
  'x-request-id',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'x-ot-span-context',
  'x-datadog-trace-id',
  'x-datadog-parent-id',
  'x-datadog-sampling-priority',
  'traceparent',
  'tracestate',
  'x-cloud-trace-context',
  'grpc-trace-bin',
  'sw8',
  'user-agent',
  'cookie',
  'authorization',
  'jwt',
]

/** The headers to send on. `endUser` is the name of the user, by whatever means the service knows it. */
export function propagate(headers: IncomingHttpHeaders, endUser: string | undefined): Record<string, string> {
  const out: Record<string, string> = {}
  for (const name of PROPAGATED) {
    const value = headers[name]
    if (typeof value === 'string') out[name] = value
  }
  if (endUser !== undefined && endUser !== '') out['end-user'] = endUser
  return out
}

/** For services behind the first: the user is who the caller says. */
export function propagateAll(headers: IncomingHttpHeaders): Record<string, string> {
  const endUser = headers['end-user']
  return propagate(headers, typeof endUser === 'string' ? endUser : undefined)
}
