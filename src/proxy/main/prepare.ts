/** Running the filters' `prepare` on the main thread. */
import type { Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { standingAt } from '../config/fields.ts'
import type { PrepareContext } from '../context.ts'
import { filtersToPrepare } from '../filter-chain/to-prepare.ts'
import { prepareAccessLog } from '../http/access-log.ts'
import { inlineRoutesPath, upgradeFilters } from '../http/compile-connection-manager.ts'
import { connectionManager, listenerPath } from '../listener/compile-listener.ts'
import { sharedMemoryForCells } from '../shared-cells.ts'
import type { DataPlaneContext } from '../worker/data-plane-context.ts'

/** `prepare` of all filters and access logs whose config stands in the listener, and memory for its routes, by path. */
export async function prepareListener(
  listener: Listener,
  context: DataPlaneContext,
  prepareContext: Omit<PrepareContext, 'statPrefix'>,
): Promise<ReadonlyMap<string, unknown>> {
  const result = new Map<string, unknown>()
  const base = listenerPath(listener)
  const chains = listener.filterChains.map((chain, i) => ({ chain, path: `${base}.filter_chains[${i}]` }))
  if (listener.defaultFilterChain !== undefined) {
    chains.push({ chain: listener.defaultFilterChain, path: `${base}.default_filter_chain` })
  }
  for (const [i, log] of listener.accessLog.entries()) {
    const where = `${base}.access_log[${i}]`
    result.set(where, await prepareAccessLog(log, where))
  }
  for (const { chain, path } of chains) {
    const last = chain.filters.length - 1
    const manager = connectionManager(chain, path)
    const statPrefix = manager === undefined ? '' : `http.${manager.statPrefix}.`
    const found = [
      ...filtersToPrepare(chain.filters, context.networkFilters, `${path}.filters`),
      ...filtersToPrepare(manager?.httpFilters ?? [], context.httpFilters, `${path}.filters[${last}].http_filters`),
      ...(manager?.upgradeConfigs ?? []).flatMap(({ filters }, i) =>
        filtersToPrepare(filters, context.httpFilters, `${path}.filters[${last}].${upgradeFilters(i)}`),
      ),
    ]
    if (manager?.routeSpecifier.case === 'routeConfig')
      result.set(inlineRoutesPath(`${path}.filters[${last}]`), sharedMemoryForCells())
    for (const [i, log] of (manager?.accessLog ?? []).entries()) {
      const where = `${path}.filters[${last}].access_log[${i}]`
      result.set(where, await prepareAccessLog(log, where))
    }
    for (const { path: where, factory, message } of found) {
      const context = { ...prepareContext, statPrefix }
      result.set(where, await standingAt(where, () => factory.prepare?.(message as never, context)))
    }
  }
  return result
}
