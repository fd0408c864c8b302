import type { HttpConnectionManager } from '../../../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { invalid, unsupported } from '../config/fields.ts'
import type { ListenerPlace } from '../filter-chain/make-filter.ts'
import { compileTracing } from '../tracing/compile-tracing.ts'
import { factoryContext } from '../worker/data-plane-context.ts'
import { type AccessLogger, accessLogger } from './access-log.ts'
import { type CompiledFilters, compileHttpFilters } from './compile-filters.ts'
import { ConnectionManager, type RouteSource } from './connection-manager.ts'
import { httpOptions } from './http-options.ts'
import { HttpStats } from './http-stats.ts'
import { LocalReplyMapper } from './local-reply-mapper.ts'

/** A connection manager with all that ends with it. */
export interface CompiledConnectionManager {
  readonly manager: ConnectionManager
  close(): void
}

/** Compiles a connection manager; what was made is closed again when some of it cannot be. */
export async function compileConnectionManager(
  proto: HttpConnectionManager,
  place: ListenerPlace,
  bufferLimit: number,
  filterChainName: string,
  tls: boolean,
): Promise<CompiledConnectionManager> {
  const { context, path } = place
  const options = httpOptions(proto, context.node, bufferLimit, path)
  const chain = { ...place, statPrefix: `http.${options.statPrefix}.` }
  const accessLogs: AccessLogger[] = []
  const tracing = compileTracing(proto, context, place.listener.direction, path)
  const chains: CompiledFilters[] = []
  const close = () => {
    for (const filters of chains) filters.close()
    tracing?.close()
    for (const log of accessLogs) log.close()
  }
  try {
    proto.accessLog.forEach((log, i) => {
      const where = `${path}.access_log[${i}]`
      const prepared = place.prepared.get(where)
      accessLogs.push(
        accessLogger(log, where, factoryContext(context, place.listener, log.name, chain.statPrefix, prepared)),
      )
    })
    const filters = await compileHttpFilters(proto.httpFilters, chain)
    chains.push(filters)
    const upgradeSlots = new Map<string, CompiledFilters['slots']>()
    for (const [i, { upgradeType, filters: own }] of proto.upgradeConfigs.entries()) {
      if (own.length === 0) continue
      const made = await compileHttpFilters(own, chain, upgradeFilters(i))
      chains.push(made)
      upgradeSlots.set(upgradeType.toLowerCase(), made.slots)
    }
    const manager = new ConnectionManager({
      options,
      slots: filters.slots,
      upgradeSlots,
      routes: routeSource(proto, place),
      clusters: context.clusters,
      accessLogs,
      stats: new HttpStats(context.stats, options.statPrefix, place.listener.statPrefix),
      localReplyMapper:
        proto.localReplyConfig &&
        new LocalReplyMapper(proto.localReplyConfig, `${path}.local_reply_config`, {
          node: context.node,
          listener: place.listener,
        }),
      tracing,
      bufferLimit,
      filterChainName,
      report: context.istioReport,
      overload: context.overload,
      tls,
    })
    return { manager, close }
  } catch (error) {
    close()
    throw error
  }
}

/** Where the filters of one upgrade stand in a connection manager. */
export function upgradeFilters(index: number): string {
  return `upgrade_configs[${index}].filters`
}

/** Where routes stand in a connection manager, and under which the memory that their workers share was prepared. */
export function inlineRoutesPath(managerPath: string): string {
  return `${managerPath}.route_config`
}

function routeSource(proto: HttpConnectionManager, place: ListenerPlace): RouteSource {
  const { routeSpecifier } = proto
  switch (routeSpecifier.case) {
    case 'routeConfig': {
      const path = inlineRoutesPath(place.path)
      const memory = place.prepared.get(path) as SharedArrayBuffer | undefined
      return place.context.routes.inline(routeSpecifier.value, path, memory)
    }
    case 'rds': {
      const source = routeSpecifier.value.configSource?.configSourceSpecifier.case
      if (source !== 'ads')
        throw unsupported(`${place.path}.rds.config_source`, `${source ?? 'a missing source'}; only ads is supported`)
      if (routeSpecifier.value.routeConfigName === '')
        throw invalid(`${place.path}.rds.route_config_name`, 'a name is missing')
      return place.context.routes.holder(routeSpecifier.value.routeConfigName)
    }
    default:
      throw unsupported(`${place.path}`, 'routes other than rds and route_config')
  }
}
