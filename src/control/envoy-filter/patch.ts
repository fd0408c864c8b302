import type { KubeObject } from '../../kube/index.ts'
import type { Config } from '../envoy/config.ts'
import type { Policy } from '../model/attach.ts'
import { normalise } from './message.ts'

// biome-ignore lint/suspicious/noExplicitAny: parts of an EnvoyFilter that the API server has checked against its CRD
export type Part = Record<string, any>

/** Istio's; INVALID is what is not set. */
export type Operation =
  | 'MERGE'
  | 'ADD'
  | 'REMOVE'
  | 'INSERT_BEFORE'
  | 'INSERT_AFTER'
  | 'INSERT_FIRST'
  | 'REPLACE'
  | 'INVALID'

/** One entry of `configPatches`. */
export interface Patch {
  /** `namespace/name` of the EnvoyFilter. */
  readonly filter: string
  readonly index: number
  readonly applyTo: string
  readonly operation: Operation
  readonly match: Part
  /** In Envoy's own spelling; undefined where the operation needs none. */
  readonly value: Config | undefined
  /** Why it is not used. */
  readonly invalid: string | undefined
}

/** An EnvoyFilter as it is applied. */
export interface EnvoyFilter extends Policy {
  readonly object: KubeObject
  readonly key: string
  readonly priority: number
  readonly patches: readonly Patch[]
}

/** The message that each `applyTo` puts in or merges into. */
const VALUE_TYPE: Readonly<Record<string, string>> = {
  LISTENER: 'envoy.config.listener.v3.Listener',
  FILTER_CHAIN: 'envoy.config.listener.v3.FilterChain',
  LISTENER_FILTER: 'envoy.config.listener.v3.ListenerFilter',
  NETWORK_FILTER: 'envoy.config.listener.v3.Filter',
  HTTP_FILTER: 'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter',
  ROUTE_CONFIGURATION: 'envoy.config.route.v3.RouteConfiguration',
  VIRTUAL_HOST: 'envoy.config.route.v3.VirtualHost',
  HTTP_ROUTE: 'envoy.config.route.v3.Route',
  CLUSTER: 'envoy.config.cluster.v3.Cluster',
  EXTENSION_CONFIG: 'envoy.config.core.v3.TypedExtensionConfig',
}

/** Reads one that the API server has taken. */
export function readEnvoyFilter(object: KubeObject): EnvoyFilter {
  const { name, namespace = '' } = object.metadata
  const spec: Part = object['spec'] ?? {}
  const key = `${namespace}/${name}`
  const configPatches: Part[] = spec['configPatches'] ?? []
  return {
    object,
    key,
    namespace,
    selector: spec['workloadSelector']?.labels,
    targetRefs: (spec['targetRefs'] ?? []).map((ref: Part) => ({
      group: '',
      kind: '',
      name: '',
      namespace: '',
      ...ref,
    })),
    priority: spec['priority'] ?? 0,
    patches: configPatches.map((patch, index) => readPatch(key, patch, index)),
  }
}

/** A match without its empty texts: in a message of protobuf they are the same as no text. Labels of `proxy` have empty values. */
function asked(match: Part): Part {
  const entries = Object.entries(match).filter(([, value]) => value !== '')
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      key !== 'metadata' && value !== null && typeof value === 'object' && !Array.isArray(value) ? asked(value) : value,
    ]),
  )
}

function readPatch(filter: string, configPatch: Part, index: number): Patch {
  const { applyTo = 'INVALID', patch = {} } = configPatch
  const match = asked(configPatch['match'] ?? {})
  const operation: Operation = patch.operation ?? 'INVALID'
  const common = { filter, index, applyTo, operation, match }
  const type = VALUE_TYPE[applyTo]
  if (type === undefined) return { ...common, value: undefined, invalid: `applyTo ${applyTo} is not supported` }
  if (operation === 'INVALID') return { ...common, value: undefined, invalid: 'Envoy filter: missing patch operation' }
  if (operation === 'REMOVE') return { ...common, value: undefined, invalid: undefined }
  if (patch.value == null) {
    return { ...common, value: undefined, invalid: 'Envoy filter: missing patch value for non-remove operation' }
  }
  try {
    return { ...common, value: normalise(type, patch.value), invalid: undefined }
  } catch (error) {
    return { ...common, value: undefined, invalid: error instanceof Error ? error.message : String(error) }
  }
}
