import type { Config } from '../envoy/config.ts'
import { mergeMessage } from './message.ts'
import type { Part, Patch } from './patch.ts'
import type { PatchSet } from './select.ts'

const ROUTE = 'envoy.config.route.v3.Route'
const VIRTUAL_HOST = 'envoy.config.route.v3.VirtualHost'
const ROUTE_CONFIGURATION = 'envoy.config.route.v3.RouteConfiguration'

/** Applies patches to route configurations, their virtual hosts and routes. `gatewaysOf` names the Gateways behind a configuration. */
export function patchRoutes(
  configs: readonly Config[],
  set: PatchSet,
  gatewaysOf: (config: Config) => readonly string[],
): Config[] {
  return configs.map((original) => {
    let config = original
    for (const patch of set.of('ROUTE_CONFIGURATION')) {
      if (patch.operation !== 'MERGE' || patch.value === undefined || !configFits(patch, config, gatewaysOf)) continue
      config = mergeMessage(ROUTE_CONFIGURATION, config, patch.value)
      set.applied(patch)
    }
    const fits = (patch: Patch) => configFits(patch, config, gatewaysOf)
    const hosts = ((config['virtual_hosts'] as Config[] | undefined) ?? [])
      .map((host) => patchHost(host, set, fits))
      .filter((host) => host !== undefined)
    for (const patch of set.of('VIRTUAL_HOST')) {
      if (patch.operation !== 'ADD' || patch.value === undefined || !fits(patch)) continue
      hosts.push(patch.value)
      set.applied(patch)
    }
    return { ...config, virtual_hosts: hosts }
  })
}

function patchHost(original: Config, set: PatchSet, fits: (patch: Patch) => boolean): Config | undefined {
  let host = original
  for (const patch of set.of('VIRTUAL_HOST')) {
    if (patch.operation === 'ADD' || !fits(patch) || !hostFits(patch, host)) continue
    set.applied(patch)
    if (patch.operation === 'REMOVE') return undefined
    if (patch.operation === 'MERGE' && patch.value !== undefined) host = mergeMessage(VIRTUAL_HOST, host, patch.value)
  }
  let routes = (host['routes'] as Config[] | undefined) ?? []
  for (const patch of set.of('HTTP_ROUTE')) {
    if (!fits(patch) || !hostFits(patch, host)) continue
    const changed = changeRoutes(routes, patch)
    if (changed === undefined) continue
    routes = changed
    set.applied(patch)
  }
  return { ...host, routes }
}

function changeRoutes(routes: readonly Config[], patch: Patch): Config[] | undefined {
  const { operation, value } = patch
  const at = routes.findIndex((route) => routeFits(patch, route))
  if (operation === 'REMOVE') return at === -1 ? undefined : routes.filter((route) => !routeFits(patch, route))
  if (value === undefined) return undefined
  if (operation === 'ADD') return [...routes, value]
  if (operation === 'INSERT_FIRST') return [value, ...routes]
  if (at === -1) return undefined
  if (operation === 'INSERT_BEFORE') return routes.toSpliced(at, 0, value)
  if (operation === 'INSERT_AFTER') return routes.toSpliced(at + 1, 0, value)
  if (operation !== 'MERGE') return undefined
  return routes.map((route) => (routeFits(patch, route) ? mergeMessage(ROUTE, route, value) : route))
}

function configFits({ match }: Patch, config: Config, gatewaysOf: (config: Config) => readonly string[]): boolean {
  const wanted: Part = match['routeConfiguration'] ?? {}
  if (wanted['name'] !== undefined && wanted['name'] !== config['name']) return false
  if (wanted['portNumber'] && !String(config['name']).split('.').includes(String(wanted['portNumber']))) return false
  return wanted['gateway'] === undefined || gatewaysOf(config).includes(wanted['gateway'])
}

function hostFits({ match }: Patch, host: Config): boolean {
  const wanted: Part | undefined = match['routeConfiguration']?.vhost
  if (wanted === undefined) return true
  if (wanted['name'] !== undefined && wanted['name'] !== host['name']) return false
  return wanted['domainName'] === undefined || (host['domains'] as string[]).includes(wanted['domainName'])
}

function routeFits({ match }: Patch, route: Config): boolean {
  const wanted: Part | undefined = match['routeConfiguration']?.vhost?.route
  if (wanted === undefined) return true
  if (wanted['name'] !== undefined && wanted['name'] !== route['name']) return false
  const action = wanted['action']
  if (action === undefined || action === 'ANY') return true
  return route[String(action).toLowerCase()] !== undefined
}
