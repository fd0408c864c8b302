import { create, type JsonObject } from '@bufbuild/protobuf'
import { ClusterLoadAssignmentSchema } from '../../../gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import type { ConfigManager } from '../main/config-manager.ts'
import { entry, messageJson } from './dump-json.ts'

/**
 * Of `EndpointsConfigDump`: endpoints as they are configured, inside clusters or by EDS. Envoy tells what has become of them, addresses
 * and health, which is at `/clusters` here.
 */
export function endpointLists(config: ConfigManager, name: RegExp): Readonly<Record<string, readonly JsonObject[]>> {
  const inside = [...config.clusters.values()].flatMap(({ proto, version, updated }) => {
    if (proto.loadAssignment === undefined || !name.test(proto.name)) return []
    // As in Envoy by the name of the cluster, whatever its assignment is called.
    const assignment = create(ClusterLoadAssignmentSchema, { ...proto.loadAssignment, clusterName: proto.name })
    return [{ proto: assignment, version, updated }]
  })
  const delivered = [...config.endpoints].filter(([key]) => name.test(key)).map(([, endpoints]) => endpoints)
  const shown = (list: typeof inside) => list.map((one) => entry('endpoint_config', ClusterLoadAssignmentSchema, one))
  return {
    static_endpoint_configs: inside
      .filter(({ version }) => version === '')
      .map(({ proto }) => ({ endpoint_config: messageJson(ClusterLoadAssignmentSchema, proto) })),
    dynamic_endpoint_configs: shown([...inside.filter(({ version }) => version !== ''), ...delivered]),
  }
}
