import { type Any, AnySchema } from '@bufbuild/protobuf/wkt'
import { keyOf } from '../kube/index.ts'
import { anyToJson, redact, registry, WasmEnv } from '../xds/index.ts'
import type { ConnectedProxy } from './connected-proxy.ts'
import { filterName } from './model/extension.ts'
import type { Mesh } from './model/mesh.ts'
import type { ExtensionStatuses } from './status/extension-statuses.ts'

/** The pages under `/debug/`; undefined where there is none. Secrets are left out. */
export function debugPage(
  path: string,
  mesh: Mesh,
  proxies: readonly ConnectedProxy[],
  statuses: ExtensionStatuses,
): unknown {
  if (path === '/debug/connections') {
    return proxies.map(({ nodeId, name, workload, connections }) => ({
      nodeId,
      name,
      labels: workload?.labels,
      connections: [...connections].map(({ delta, connectedAt }) => ({
        delta,
        since: new Date(connectedAt).toISOString(),
      })),
    }))
  }
  if (path === '/debug/extensions') {
    return mesh.extensions().map((extension) => ({
      kind: extension.object.kind,
      key: keyOf(extension.object),
      filter: filterName(extension),
      phase: extension.phase,
      priority: extension.priority,
      status: statuses.of(extension),
    }))
  }
  if (path.startsWith('/debug/config_dump/')) {
    const wanted = decodeURIComponent(path.slice('/debug/config_dump/'.length))
    const proxy = proxies.find(({ nodeId, name }) => nodeId === wanted || name === wanted)
    return proxy === undefined ? undefined : configDump(proxy)
  }
  return undefined
}

function configDump({ generated }: ConnectedProxy): unknown {
  const resources = Object.values(generated.resources).flatMap((named) => [...named.values()].map(withoutSecrets))
  const patches = [...generated.patches].map(([{ filter, index, applyTo, operation, invalid }, applied]) => {
    return { filter, index, applyTo, operation, applied, invalid }
  })
  return { problems: generated.problems, broken: generated.broken, patches, resources }
}

function withoutSecrets(resource: Any): unknown {
  const json = anyToJson(resource)
  redact(registry, AnySchema, json)
  // Envoy's API knows nothing of this one: it is a variable of a Wasm module.
  return JSON.parse(JSON.stringify(json), (key, value) => (key === WasmEnv.pullSecret ? '[redacted]' : value))
}
