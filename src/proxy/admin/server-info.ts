import { type JsonObject, toJson } from '@bufbuild/protobuf'
import { type Node, NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import type { ConfigManager } from '../main/config-manager.ts'

/** `/server_info`: Envoy's `admin.v3.ServerInfo`, as far as it has a meaning here. */
export function serverInfo(
  config: ConfigManager,
  node: Node,
  begun: number,
  { workers, drainMs }: { readonly workers: number; readonly drainMs: number },
  healthFailed: boolean,
): JsonObject {
  const uptime = `${Math.floor((Date.now() - begun) / 1000)}s`
  return {
    version: `sluice/node-${process.versions.node}`,
    state: !config.ready ? 'PRE_INITIALIZING' : healthFailed ? 'DRAINING' : 'LIVE',
    uptime_current_epoch: uptime,
    uptime_all_epochs: uptime,
    hot_restart_version: 'disabled',
    command_line_options: { concurrency: workers, drain_time: `${drainMs / 1000}s`, disable_hot_restart: true },
    node: toJson(NodeSchema, node, { useProtoFieldName: true }),
  }
}
