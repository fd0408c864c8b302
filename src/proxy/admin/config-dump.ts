import { create, type JsonObject } from '@bufbuild/protobuf'
import { AnySchema } from '@bufbuild/protobuf/wkt'
import { type Bootstrap, BootstrapSchema } from '../../../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.ts'
import { registry } from '../../xds/registry.ts'
import type { ConfigManager } from '../main/config-manager.ts'
import type { ListenerState, RefusedListener } from '../main/listener-updates.ts'
import { endpointLists } from './dump-endpoints.ts'
import { anyJson, entry, messageJson } from './dump-json.ts'
import { routesOfListeners } from './dump-routes.ts'
import { secretLists } from './dump-secrets.ts'

type Lists = Readonly<Record<string, readonly JsonObject[]>>

/** `{ configs }`; or that there is no such resource. */
type Dump = JsonObject | string

/**
 * `/config_dump`, with `resource`, `name_regex` and `include_eds` as in Envoy, in the order of its `ConfigTracker`, by names. Secrets are
 * redacted. `begun`: when the bootstrap was read.
 */
export function configDump(config: ConfigManager, bootstrap: Bootstrap, begun: number, query: URLSearchParams): Dump {
  const name = new RegExp(query.get('name_regex') ?? '')
  const dump: JsonObject[] = [
    {
      '@type': typeUrl('BootstrapConfigDump'),
      bootstrap: withoutType(messageJson(BootstrapSchema, bootstrap)),
      last_updated: new Date(begun).toISOString(),
    },
    part('ClustersConfigDump', clusterLists(config, name), config.versions.cds),
    // Envoy has one where there is a filter that is discovered, also while it is waited for.
    ...(!config.discoversExtensions ? [] : [part('EcdsConfigDump', { ecds_filters: ecdsFilters(config, name) })]),
    ...(query.has('include_eds') ? [part('EndpointsConfigDump', endpointLists(config, name))] : []),
    part('ListenersConfigDump', listenerLists(config, name), config.versions.lds),
    part('ScopedRoutesConfigDump', {}),
    part('RoutesConfigDump', {
      static_route_configs: routesOfListeners(config, name),
      dynamic_route_configs: named(config.routes, name).map((r) => entry('route_config', RouteConfigurationSchema, r)),
    }),
    part('SecretsConfigDump', secretLists(config, name)),
  ]
  const resource = query.get('resource')
  return resource === null ? { configs: dump } : oneList(dump, resource)
}

function typeUrl(name: string): string {
  return `type.googleapis.com/envoy.admin.v3.${name}`
}

/** Envoy's JSON has no lists that are empty. `version`: of the last response that changed something. */
function part(name: string, lists: Lists, version = ''): JsonObject {
  const filled = Object.entries(lists).filter(([, list]) => list.length > 0)
  const told: JsonObject = version === '' ? {} : { version_info: version }
  return { '@type': typeUrl(name), ...told, ...(Object.fromEntries(filled) as JsonObject) }
}

/** One list of all, whose messages tell their types then. */
function oneList(dump: readonly JsonObject[], resource: string): Dump {
  const lists: string[] = []
  for (const part of dump) {
    const type = String(part['@type'])
    const schema = registry.getMessage(type.slice(type.indexOf('/') + 1))
    for (const field of schema?.fields ?? []) {
      if (field.fieldKind === 'list' && field.listKind === 'message') {
        lists.push(field.name)
        if (field.name !== resource) continue
        const itemType = `type.googleapis.com/${field.message.typeName}`
        const items = (part[resource] ?? []) as JsonObject[]
        return { configs: items.map((item) => ({ '@type': itemType, ...item })) }
      }
      if (field.name === resource && part[resource] !== undefined)
        throw new Error(`${resource} is not a repeated field`)
    }
  }
  return `${resource} not found in config dump; there are ${lists.join(', ')}`
}

function named<T>(map: ReadonlyMap<string, T>, name: RegExp): T[] {
  return [...map].filter(([key]) => name.test(key)).map(([, value]) => value)
}

function clusterLists(config: ConfigManager, name: RegExp): Lists {
  const clusters = named(config.clusters, name)
  const shown = (list: typeof clusters) => list.map((cluster) => entry('cluster', ClusterSchema, cluster))
  return {
    static_clusters: shown(clusters.filter(({ version }) => version === '')),
    dynamic_active_clusters: shown(clusters.filter(({ version }) => version !== '')),
    dynamic_warming_clusters: shown(named(config.warmingClusters, name)),
  }
}

function ecdsFilters(config: ConfigManager, name: RegExp): JsonObject[] {
  return named(config.extensions, name).map(({ op, version, updated }) => ({
    version_info: version,
    ecds_filter: {
      '@type': 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
      name: op.name,
      typed_config: anyJson(create(AnySchema, { typeUrl: op.typeUrl, value: op.bytes })),
    },
    last_updated: updated.toISOString(),
    ...(op.failure === undefined ? {} : { error_state: { details: op.failure } }),
  }))
}

function listenerLists({ listeners, refusedListeners: refused }: ConfigManager, name: RegExp): Lists {
  const dynamic = [...new Set([...listeners.keys(), ...refused.keys()])].filter((key) => {
    const { active, warming } = listeners.get(key) ?? {}
    return name.test(key) && (active ?? warming)?.version !== ''
  })
  return {
    static_listeners: named(listeners, name).flatMap(({ active }) =>
      active?.version === '' ? [entry('listener', ListenerSchema, active)] : [],
    ),
    dynamic_listeners: dynamic.map((key) => dynamicListener(key, listeners.get(key), refused.get(key))),
  }
}

function dynamicListener(
  name: string,
  { active, warming }: Partial<ListenerState> = {},
  refused: RefusedListener | undefined,
): JsonObject {
  return {
    name,
    ...(active === undefined ? {} : { active_state: entry('listener', ListenerSchema, active) }),
    ...(warming === undefined ? {} : { warming_state: entry('listener', ListenerSchema, warming) }),
    ...(refused === undefined ? {} : { error_state: errorState(refused) }),
  }
}

function errorState({ listener, reason }: RefusedListener): JsonObject {
  const { last_updated: attempted, ...rest } = entry('failed_configuration', ListenerSchema, listener)
  return { ...rest, last_update_attempt: attempted, details: reason }
}

function withoutType({ '@type': _, ...rest }: JsonObject): JsonObject {
  return rest
}
