import {
  create,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  type Registry,
  toJson,
} from '@bufbuild/protobuf'
import { type Any, AnySchema, EmptySchema } from '@bufbuild/protobuf/wkt'
import { type Bootstrap, BootstrapSchema } from '../../../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import { ClusterSchema } from '../../../gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { RouteConfigurationSchema } from '../../../gen/envoy/config/route/v3/route_pb.ts'
import { SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { redact } from '../../xds/index.ts'
import { registry } from '../../xds/registry.ts'
import type { ConfigManager } from '../main/config-manager.ts'
import type { Delivered } from '../main/delivered.ts'
import type { ListenerState, RefusedListener } from '../main/listener-updates.ts'

/** Of what has a type that is not known, as what is refused mostly has, the type is told. */
const shown: Registry = {
  ...registry,
  getMessage: (typeName) => registry.getMessage(typeName) ?? { ...EmptySchema, typeName },
}

const ADMIN = 'type.googleapis.com/envoy.admin.v3.'

function json<D extends DescMessage>(schema: D, message: MessageShape<D>): JsonObject {
  const body = toJson(schema, message, { registry: shown, useProtoFieldName: true }) as JsonObject
  redact(registry, schema, body)
  return { '@type': `type.googleapis.com/${schema.typeName}`, ...body }
}

function anyJson(any: Any): JsonValue {
  const body = toJson(AnySchema, any, { registry: shown, useProtoFieldName: true })
  redact(registry, AnySchema, body)
  return body
}

function entry<D extends DescMessage>(
  field: string,
  schema: D,
  { proto, version, updated }: Delivered<MessageShape<D>>,
): JsonObject {
  return {
    ...(version === '' ? {} : { version_info: version }),
    [field]: json(schema, proto),
    last_updated: updated.toISOString(),
  }
}

/** `/config_dump`, with `resource`, `name_regex` and `include_eds` as in Envoy. Secrets are redacted. */
export function configDump(config: ConfigManager, bootstrap: Bootstrap, query: URLSearchParams): JsonObject {
  const name = new RegExp(query.get('name_regex') ?? '')
  const named = <T>(map: ReadonlyMap<string, T>) => [...map].filter(([key]) => name.test(key)).map(([, value]) => value)
  const split = <T extends { version: string }>(list: readonly T[]) => [
    list.filter(({ version }) => version === ''),
    list.filter(({ version }) => version !== ''),
  ]
  const [staticClusters, dynamicClusters] = split(named(config.clusters))
  // Files need not tell a version.
  const secrets = [...config.secrets].filter(([key]) => name.test(key))
  const ofBootstrap = ([key, { proto, version }]: (typeof secrets)[number]) => key === proto.name && version === ''
  const secretEntry = ([key, secret]: (typeof secrets)[number]) => ({
    name: key,
    ...entry('secret', SecretSchema, secret),
  })
  const { listeners, refusedListeners: refused } = config
  const dynamicListeners = [...new Set([...listeners.keys(), ...refused.keys()])].filter((key) => {
    const { active, warming } = listeners.get(key) ?? {}
    return name.test(key) && (active ?? warming)?.version !== ''
  })
  const dump: JsonObject[] = [
    { '@type': `${ADMIN}BootstrapConfigDump`, bootstrap: withoutType(json(BootstrapSchema, bootstrap)) },
    {
      '@type': `${ADMIN}ClustersConfigDump`,
      static_clusters: staticClusters.map((c) => entry('cluster', ClusterSchema, c)),
      dynamic_active_clusters: dynamicClusters.map((c) => entry('cluster', ClusterSchema, c)),
      dynamic_warming_clusters: named(config.warmingClusters).map((c) => entry('cluster', ClusterSchema, c)),
    },
    {
      '@type': `${ADMIN}ListenersConfigDump`,
      static_listeners: named(listeners).flatMap(({ active }) =>
        active?.version === '' ? [entry('listener', ListenerSchema, active)] : [],
      ),
      dynamic_listeners: dynamicListeners.map((key) => dynamicListener(key, listeners.get(key), refused.get(key))),
    },
    {
      '@type': `${ADMIN}RoutesConfigDump`,
      dynamic_route_configs: named(config.routes).map((r) => entry('route_config', RouteConfigurationSchema, r)),
    },
    {
      '@type': `${ADMIN}SecretsConfigDump`,
      static_secrets: secrets.filter(ofBootstrap).map(secretEntry),
      dynamic_active_secrets: secrets.filter((one) => !ofBootstrap(one)).map(secretEntry),
    },
    {
      '@type': `${ADMIN}EcdsConfigDump`,
      ecds_filters: named(config.extensions).map(({ op, version, updated }) => ({
        version_info: version,
        ecds_filter: {
          '@type': 'type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig',
          name: op.name,
          typed_config: anyJson(create(AnySchema, { typeUrl: op.typeUrl, value: op.bytes })),
        },
        last_updated: updated.toISOString(),
        ...(op.failure === undefined ? {} : { error_state: { details: op.failure } }),
      })),
    },
  ]
  if (query.has('include_eds')) {
    dump.push({
      '@type': `${ADMIN}EndpointsConfigDump`,
      dynamic_endpoint_configs: named(config.endpoints).map((e) =>
        entry('endpoint_config', ClusterLoadAssignmentSchema, e),
      ),
    })
  }
  const resource = query.get('resource')
  if (resource === null) return { configs: dump }
  const list = dump.map((part) => part[resource]).find((part) => Array.isArray(part))
  if (list === undefined) {
    const lists = dump.flatMap((part) => Object.keys(part).filter((key) => Array.isArray(part[key])))
    throw new Error(`there is no resource «${resource}»; there are ${lists.join(', ')}`)
  }
  return { configs: list }
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
