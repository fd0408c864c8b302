import type { HeaderMap } from '../../base/header-map.ts'
import type { Caller } from './http-options.ts'

/** `add_user_agent`: names this proxy to upstreams, and as the user agent where there is none. */
export function nameCaller(headers: HeaderMap, { cluster, node }: Caller): void {
  if (cluster !== '') {
    headers.put('x-envoy-downstream-service-cluster', cluster)
    if (!headers.get('user-agent')) headers.put('user-agent', cluster)
  }
  if (node !== '') headers.put('x-envoy-downstream-service-node', node)
}
