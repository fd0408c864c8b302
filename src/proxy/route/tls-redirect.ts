import { create } from '@bufbuild/protobuf'
import {
  VirtualHost_TlsRequirementType as Requirement,
  RouteSchema,
  VirtualHostSchema,
} from '../../../gen/envoy/config/route/v3/route_components_pb.ts'
import type { HeaderMap } from '../../base/header-map.ts'
import { RateLimits } from '../rate-limit/policy.ts'
import { compileRoute } from './compile-route.ts'
import { RouteEntry } from './route-entry.ts'

/** Envoy's SslRedirectRoute: what answers in place of the routes of a virtual host that wants TLS. */
export const TLS_REDIRECT = tlsRedirect()

/** Must this request come again by TLS? The scheme is what `x-forwarded-proto` says, as this proxy or a trusted one wrote it. */
export function needsTls(requirement: Requirement, headers: HeaderMap): boolean {
  if (requirement === Requirement.NONE || headers.get('x-forwarded-proto') === 'https') return false
  return requirement === Requirement.ALL || headers.get('x-envoy-internal') !== 'true'
}

function tlsRedirect(): RouteEntry {
  const host = {
    proto: create(VirtualHostSchema),
    routeConfigName: '',
    metadata: {},
    requestMutations: [],
    responseMutations: [],
    mostSpecificWins: false,
    perFilter: [],
    mirrors: [],
    rateLimits: new RateLimits([]),
    hedges: false,
    maxDirectBody: 0,
    checkCluster() {},
    compilePerFilter: () => undefined,
  }
  const proto = create(RouteSchema, {
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: { case: 'redirect', value: {} },
  })
  const { settings } = compileRoute(proto, host, 'require_tls').entries[0]
  const location = (request: HeaderMap) => `https://${request.get(':authority') ?? ''}${request.get(':path') ?? ''}`
  return new RouteEntry(
    { ...settings, direct: { status: 301, body: undefined, location } },
    '',
    { host: '', behind: 0 },
    undefined,
    [],
    [],
    [],
  )
}
