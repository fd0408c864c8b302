/** Traces of host calls, switched per extension while the proxy runs. */
import { performance } from 'node:perf_hooks'
import { logger } from '../../../telemetry/log.ts'
import { decodeCall, type Plugin, type TraceSink } from '../../../wasm/index.ts'

const log = logger('wasm')

/** A module can make millions of calls a second; the log of the whole proxy must bear it. */
const LINES_PER_SECOND = 1000

/** Of this thread. */
const running = new Set<Plugin>()
const sinks = new Map<string, TraceSink>()

/** Lets a plugin be traced from now on; it is at once when its name already is. */
export function track(plugin: Plugin): void {
  running.add(plugin)
  const sink = sinks.get(plugin.settings.name)
  if (sink !== undefined) plugin.setTrace(sink)
}

/** Forgets a plugin that ends; a trace of its name stays on for others. */
export function untrack(plugin: Plugin): void {
  running.delete(plugin)
}

/** Switches the trace of all plugins of that name on this thread, and of those that come later. Returns how many run. */
export function setPluginTrace(name: string, enabled: boolean): number {
  const sink = enabled ? (sinks.get(name) ?? logSink(name)) : undefined
  if (sink === undefined) sinks.delete(name)
  else sinks.set(name, sink)
  let found = 0
  for (const plugin of running) {
    if (plugin.settings.name !== name) continue
    found++
    plugin.setTrace(sink)
  }
  return found
}

function logSink(name: string): TraceSink {
  let second = 0
  let lines = 0
  const write = (text: () => string) => {
    const now = Math.floor(performance.now() / 1000)
    if (now !== second) {
      if (lines > LINES_PER_SECOND) log.warn(`wasm trace ${name}: ${lines - LINES_PER_SECOND} lines were dropped`)
      second = now
      lines = 0
    }
    if (++lines <= LINES_PER_SECOND) log.info(`wasm trace ${name}: ${text()}`)
  }
  return {
    hostCall: (vm, call, args, result) => write(() => decodeCall(vm, call, args, result)),
    callback: (_vm, callback, args, result) => write(() => `${callback}(${args.join(', ')}) -> ${result}`),
  }
}
