/** Where a request came from: `x-forwarded-for`, `x-forwarded-proto`, `x-request-id` (Envoy's conn_manager_utility). */
import { isIP } from 'node:net'
import { asciiLower } from '../../base/byte-string.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { unmapped } from '../match/cidr.ts'
import type { ConnectionInfo } from '../network/connection-info.ts'
import { untraced } from '../tracing/sampling.ts'
import { isIp } from './address-text.ts'
import { requestId } from './request-id.ts'

/** What the connection manager says of whom to believe. */
export interface ForwardedOptions {
  readonly useRemoteAddress: boolean
  readonly trustedHops: number
  readonly skipXffAppend: boolean
  readonly appendForwardedPort: boolean
  readonly generateRequestId: boolean
  readonly preserveExternalRequestId: boolean
  readonly isInternal: (ip: string) => boolean
}

/** What says something about this hop: Envoy removes it from requests that enter the mesh here. */
const EDGE_ONLY = [
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-original-path',
]

/** By these a caller asks the router for limits of its own; the router takes them. */
export const ROUTER_LIMITS: readonly string[] = [
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-max-retries',
  'x-envoy-retriable-header-names',
  'x-envoy-retriable-status-codes',
  'x-envoy-retry-grpc-on',
  'x-envoy-retry-on',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-stream-duration-ms',
]

/** What only trusted callers may ask for: Envoy removes it from every request that does not come from inside. */
const INTERNAL_ONLY = [
  ...ROUTER_LIMITS,
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-force-trace',
  'x-envoy-ip-tags',
  'x-envoy-original-url',
]

/** A URL, with or without scheme and host, and without a fragment (RFC 9110 10.1.3). Envoy drops any other. */
const REFERER = /^(?:[a-z]+:\/\/(?=[^/?]))?(?:\[[0-9a-f:.]+\]|[\w.~!$%&'()*+,;=@-]*)(?::\d{1,5})?(?:[/?][^\s#]*)?$/i

/** What one scan over the headers finds. */
interface Seen {
  xff: string | undefined
  /** In lower case; '' for what is no scheme of HTTP, or several. */
  proto: string | undefined
  port: boolean
  requestId: boolean
  envoy: boolean
  referer: boolean
}

/** Sets the forwarding headers; returns the address that the request is held to come from. */
export function applyForwarded(
  headers: HeaderMap,
  connection: ConnectionInfo,
  options: ForwardedOptions,
  internalOnly: readonly string[],
): string {
  const seen = scan(headers)
  if (seen.referer && !REFERER.test(headers.get('referer') as string)) headers.remove('referer')
  const peer = connection.remoteAddress
  let source = peer
  let edge = false
  let internal: boolean
  if (options.useRemoteAddress) {
    const single = seen.xff === undefined
    if (options.trustedHops > 0) source = hop(seen.xff, options.trustedHops) ?? peer
    internal = single && options.isInternal(unmapped(source))
    edge = !internal
    if (!options.skipXffAppend && isIp(peer)) {
      headers.put('x-forwarded-for', seen.xff ? `${seen.xff},${unmapped(peer)}` : unmapped(peer))
    }
  } else {
    const found = hop(seen.xff, options.trustedHops + 1)
    source = found ?? peer
    internal = found !== undefined && !(seen.xff as string).includes(',') && options.isInternal(found)
  }
  // What a hop that is not trusted says about itself counts for nothing; nor does the scheme of an absolute target, which anybody can write.
  const overwrite = options.useRemoteAddress && options.trustedHops === 0
  let proto = seen.proto
  if (overwrite || !proto) {
    proto = connection.tls === undefined ? 'http' : 'https'
    headers.put('x-forwarded-proto', proto)
  }
  // RFC 9113 8.5: CONNECT has none. What an absolute target has said stands (ConnectionManagerUtility::mutateRequestHeaders).
  if (headers.flat[7] === '' && headers.flat[5] !== 'CONNECT') headers.flat[7] = proto
  if (options.appendForwardedPort && (overwrite || !seen.port))
    headers.put('x-forwarded-port', String(connection.localPort))
  if (seen.envoy && !internal) {
    headers.remove('x-envoy-internal')
    if (edge) for (const name of EDGE_ONLY) headers.remove(name)
    for (const name of INTERNAL_ONLY) headers.remove(name)
  }
  if (!internal) for (const name of internalOnly) headers.remove(name)
  if (edge) {
    if (isIp(source)) headers.put('x-envoy-external-address', unmapped(source))
  } else if (internal) headers.put('x-envoy-internal', 'true')
  if (options.generateRequestId && (!seen.requestId || (edge && !options.preserveExternalRequestId))) {
    headers.put('x-request-id', requestId())
  } else if (options.generateRequestId && edge && options.preserveExternalRequestId) {
    headers.set('x-request-id', untraced(headers.get('x-request-id') as string))
  }
  return source
}

function scan(headers: HeaderMap): Seen {
  const seen: Seen = { xff: undefined, proto: undefined, port: false, requestId: false, envoy: false, referer: false }
  const flat = headers.flat
  for (let i = 8; i < flat.length; i += 2) {
    const name = flat[i]
    const first = name.charCodeAt(0)
    if (first === 114 && name === 'referer') seen.referer = true
    if (first !== 120) continue
    if (name === 'x-forwarded-for') seen.xff = seen.xff ? nextHop(seen.xff, flat[i + 1]) : flat[i + 1]
    else if (name === 'x-forwarded-proto') seen.proto = seen.proto === undefined ? schemeOf(flat[i + 1]) : ''
    else if (name === 'x-forwarded-port') seen.port = true
    else if (name === 'x-request-id') seen.requestId ||= flat[i + 1] !== ''
    else if (name.startsWith('x-envoy-')) seen.envoy = true
  }
  return seen
}

/** A scheme has no case (RFC 3986 3.1). */
function schemeOf(text: string): string {
  if (text === 'http' || text === 'https') return text
  const lower = asciiLower(text)
  return lower === 'http' || lower === 'https' ? lower : ''
}

/** RFC 9110 5.3: a line more goes on with the list. An empty one has nothing to say (HeaderMapImpl::appendToHeader). */
function nextHop(list: string, line: string): string {
  return line === '' ? list : `${list},${line}`
}

/** The n-th address from the right. */
function hop(xff: string | undefined, n: number): string | undefined {
  if (xff === undefined) return undefined
  const parts = xff.split(',')
  const text = parts[parts.length - n]?.trim()
  return text !== undefined && isIP(text) !== 0 ? text : undefined
}
