import type { KubeObject } from '../../kube/index.ts'
import type { Config } from './config.ts'
import { type DestinationContext, routeAction } from './virtual-service-action.ts'
import { routeMatch } from './virtual-service-match.ts'

/** The place for which a VirtualService is translated. */
export interface VirtualServiceContext extends DestinationContext {
  /** `namespace/name` of the Gateway. */
  readonly gateway: string
}

/** The gateways of a VirtualService as `namespace/name`; the mesh itself is not among them. */
export function boundGateways(object: KubeObject): string[] {
  const { namespace = '' } = object.metadata
  return (object['spec']?.gateways ?? [])
    .filter((name: string) => name !== 'mesh')
    .map((name: string) => (name.includes('/') ? name : `${namespace}/${name}`))
}

/** The routes of a VirtualService at one gateway server, in the order in which they are tried. */
export function virtualServiceRoutes(object: KubeObject, context: VirtualServiceContext): Config[] {
  const { name, namespace = '' } = object.metadata
  const path = `/apis/networking.istio.io/v1/namespaces/${namespace}/virtual-service/${name}`
  const metadata = { filter_metadata: { istio: { config: path } } }
  const routes: Config[] = []
  for (const http of object['spec']?.http ?? []) {
    const action = routeAction(http, context)
    const matches = http.match === undefined || http.match.length === 0 ? [undefined] : http.match
    for (const match of matches) {
      if (match !== undefined && !applies(match, namespace, context)) continue
      routes.push({ name: routeName(http.name, match?.name), match: routeMatch(match), metadata, ...action })
    }
  }
  return routes
}

// biome-ignore lint/suspicious/noExplicitAny: an HTTPMatchRequest that the API server has checked against its CRD
function applies(match: Record<string, any>, namespace: string, context: VirtualServiceContext): boolean {
  if (match['port'] !== undefined && match['port'] !== context.serverPort) return false
  // Who calls through a gateway is not known by labels.
  if (match['sourceLabels'] !== undefined && Object.keys(match['sourceLabels']).length > 0) return false
  const gateways: string[] = match['gateways'] ?? []
  if (gateways.length === 0) return true
  return gateways.some((name) => (name.includes('/') ? name : `${namespace}/${name}`) === context.gateway)
}

function routeName(route: string | undefined, match: string | undefined): string | undefined {
  return [route, match].filter((part) => part !== undefined && part !== '').join('.') || undefined
}

/** Whether a route takes every request; what follows such a route is never reached. */
export function isCatchAll(route: Config): boolean {
  const match = route['match'] as Config
  return match['prefix'] === '/' && match['headers'] === undefined && match['query_parameters'] === undefined
}
