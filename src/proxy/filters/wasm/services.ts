import { logger } from '../../../telemetry/log.ts'
import {
  createSharedMemory,
  type HostServices,
  type LogLevel,
  SharedStoreAcrossThreads,
  systemClock,
  systemTimers,
  VmCache,
} from '../../../wasm/index.ts'
import type { FactoryContext } from '../../context.ts'
import { listenerAttributes } from '../../http/attributes.ts'
import { wasmClusters } from './clusters.ts'
import { resolveDns } from './dns.ts'
import { wasmMetrics } from './metrics.ts'

/** One per process: made on the main thread by the first filter, cloned to the workers with what `prepare` returns. */
let processMemory: SharedArrayBuffer | undefined

/** The store of the process; to be called on the main thread only, where it is made. */
export function sharedMemory(): SharedArrayBuffer {
  processMemory ??= createSharedMemory()
  return processMemory
}

/** One per thread. */
let threadStore: SharedStoreAcrossThreads | undefined
/** The VMs of this thread, for plugins that may share one. */
export const threadVms: VmCache = new VmCache()

const log = logger('wasm')
/** In Proxy-Wasm's numbers: pino's are 10, 20, … in the same order. Modules ask on every line, and pino looks its level up each time. */
let level = log.levelVal / 10 - 1
log.on('level-change', (_name, value, _before, _valueBefore, changed) => {
  if (changed === log) level = value / 10 - 1
})
const PINO = { trace: 'trace', debug: 'debug', info: 'info', warn: 'warn', error: 'error', critical: 'fatal' } as const

/** What plugins of one filter config get from the proxy. */
export function wasmServices(context: FactoryContext, memory: SharedArrayBuffer): HostServices {
  threadStore ??= new SharedStoreAcrossThreads(memory)
  return {
    shared: threadStore,
    metrics: wasmMetrics(context.stats),
    clusters: wasmClusters(context.clusters),
    clock: systemClock,
    timers: systemTimers,
    resolveDns,
    attribute: listenerAttributes(context),
    log: {
      get level() {
        return level
      },
      log: (level: LogLevel, message, plugin) =>
        log[PINO[level]](`wasm log ${plugin.name} ${plugin.rootId} ${plugin.vmId}: ${message}`),
    },
    count: (plugin, event, times) => context.stats.counter(`wasm.${plugin}.${event}`).add(times),
  }
}
