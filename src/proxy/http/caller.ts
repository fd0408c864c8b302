import type { HeaderMap } from '../../base/header-map.ts'
import type { Caller } from './http-options.ts'

/**
 * `add_user_agent`: names this proxy to upstreams, and as the user agent where there is none. Without a name Envoy sends an empty
 * user agent, which RFC 9110 10.1.5 does not know.
 */
export function nameCaller(headers: HeaderMap, { cluster, node }: Caller): void {
  headers.put('x-envoy-downstream-service-cluster', cluster)
  if (cluster !== '' && !headers.get('user-agent')) headers.put('user-agent', cluster)
  if (node !== '') headers.put('x-envoy-downstream-service-node', node)
}
