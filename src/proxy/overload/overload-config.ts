/** `overload_manager` of the bootstrap: the limit of connections, and what is given up when memory runs short. */
import type { Bootstrap } from '../../../gen/envoy/config/bootstrap/v3/bootstrap_pb.ts'
import { type OverloadAction, OverloadManagerSchema } from '../../../gen/envoy/config/overload/v3/overload_pb.ts'
import { DownstreamConnectionsConfigSchema } from '../../../gen/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.ts'
import { FixedHeapConfigSchema } from '../../../gen/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap_pb.ts'
import { unpack } from '../config/any.ts'
import { durationMs, invalid, onlyFields, unsupported } from '../config/fields.ts'
import type { ConnectionLimits } from './overload-state.ts'
import { CONNECTIONS_KEY, listenerLimits, runtimeValues, wholeNumber } from './runtime.ts'

/** From which share of the memory on something is done; undefined: never. */
interface HeapActions {
  stopRequests: number | undefined
  rejectConnections: number | undefined
}

/** `envoy.resource_monitors.fixed_heap`, looked at every `refreshMs`. */
export interface HeapLimit extends HeapActions {
  readonly maxBytes: number
  readonly refreshMs: number
}

/** What the main thread watches over; undefined parts have no limit. */
interface OverloadConfig extends ConnectionLimits {
  readonly heap: HeapLimit | undefined
}

const HEAP = 'envoy.resource_monitors.fixed_heap'
const UNLIMITED = 2 ** 31 - 1

/** undefined: nothing is limited, and nothing is counted. */
export function overloadConfig(bootstrap: Bootstrap): OverloadConfig | undefined {
  const path = 'bootstrap.overload_manager'
  const manager = bootstrap.overloadManager
  const fromRuntime = runtimeValues(bootstrap).get(CONNECTIONS_KEY)
  let maxConnections = fromRuntime === undefined ? UNLIMITED : wholeNumber(CONNECTIONS_KEY, fromRuntime)
  let maxBytes: number | undefined
  if (manager !== undefined)
    onlyFields(OverloadManagerSchema, manager, ['refresh_interval', 'resource_monitors', 'actions'], path)
  manager?.resourceMonitors.forEach(({ configType }, i) => {
    const where = `${path}.resource_monitors[${i}].typed_config`
    const { typeName, message } = unpack(configType.value, where)
    if (typeName === FixedHeapConfigSchema.typeName)
      maxBytes = Number((message as { maxHeapSizeBytes: bigint } | undefined)?.maxHeapSizeBytes)
    else if (typeName === DownstreamConnectionsConfigSchema.typeName)
      maxConnections = Number(
        (message as { maxActiveDownstreamConnections: bigint } | undefined)?.maxActiveDownstreamConnections,
      )
    else throw unsupported(where, `resource monitor ${typeName}`)
  })
  if (!(maxConnections > 0)) throw invalid(`${path}.resource_monitors`, 'the limit of connections must be above 0')
  if (maxBytes !== undefined && !(maxBytes > 0))
    throw invalid(`${path}.resource_monitors`, 'max_heap_size_bytes must be above 0')
  const actions: HeapActions = { stopRequests: undefined, rejectConnections: undefined }
  for (const [i, action] of (manager?.actions ?? []).entries())
    readAction(action, maxBytes !== undefined, actions, `${path}.actions[${i}]`)
  maxConnections = Math.min(maxConnections, UNLIMITED)
  const acts = actions.stopRequests !== undefined || actions.rejectConnections !== undefined
  const listeners = listenerLimits(bootstrap)
  if (maxConnections === UNLIMITED && listeners.size === 0 && !acts) return undefined
  const refreshMs = durationMs(manager?.refreshInterval, 1000)
  const heap = maxBytes !== undefined && acts ? { maxBytes, refreshMs, ...actions } : undefined
  return { maxConnections, listeners, heap }
}

function readAction(action: OverloadAction, hasHeap: boolean, actions: HeapActions, path: string): void {
  if (action.typedConfig !== undefined) throw unsupported(`${path}.typed_config`, 'the field is not supported')
  const thresholds = action.triggers.map(({ name, triggerOneof }, i) => {
    const where = `${path}.triggers[${i}]`
    if (name !== HEAP || !hasHeap)
      throw unsupported(`${where}.name`, `${name}; only ${HEAP}, which is to be among the monitors`)
    if (triggerOneof.case !== 'threshold') throw unsupported(where, `${triggerOneof.case ?? 'nothing'}; only threshold`)
    return triggerOneof.value.value
  })
  const lowest = Math.min(...thresholds)
  switch (action.name) {
    case 'envoy.overload_actions.stop_accepting_requests':
      actions.stopRequests = lowest
      break
    case 'envoy.overload_actions.reject_incoming_connections':
      actions.rejectConnections = lowest
      break
    case 'envoy.overload_actions.shrink_heap':
      // V8 gives back what it can by itself, the harder the more there is.
      break
    default:
      throw unsupported(`${path}.name`, action.name)
  }
}
