import type { PluginConfig } from '../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { type ErrorCode, messageOf, SluiceError } from '../../errors.ts'
import { readPluginConfig } from '../../proxy/filters/wasm/plugin-config.ts'
import {
  compileModuleSync,
  type HostServices,
  LocalSharedStore,
  Plugin,
  systemClock,
  systemTimers,
} from '../../wasm/index.ts'

/** Why a module must not run; plain data, for another thread. */
export interface TrialFailure {
  readonly code: ErrorCode
  /** What followed the title. */
  readonly detail: string
}

/** Compiles and starts a plugin with services that lead nowhere. Returns why it failed. */
export function tryOut(config: PluginConfig): TrialFailure | undefined {
  const said: string[] = []
  try {
    const { plugin, bytes, limits } = readPluginConfig(config, 'config')
    Plugin.start(compileModuleSync(bytes, limits), plugin, throwAwayServices(said)).close()
    return undefined
  } catch (error) {
    const known = error instanceof SluiceError
    const message = messageOf(error)
    const colon = known ? message.indexOf(': ') : -1
    const detail = colon < 0 ? (known ? '' : message) : message.slice(colon + 2)
    // The module's own last words are mostly the reason; the very last is often a general one after the precise one.
    const words = said.length === 0 ? '' : ` (it logged: ${said.slice(-LAST_WORDS).join('; ')})`
    return { code: known ? error.code : 'SL3024', detail: `${detail}${words}`.trim() }
  }
}

const WARN = 3
const LAST_WORDS = 3

/** A host that promises everything and does nothing: callouts are taken and never answered, timers never fire. */
function throwAwayServices(said: string[]): HostServices {
  const stop = { cancel() {} }
  return {
    shared: new LocalSharedStore(),
    metrics: {
      define() {
        let value = 0
        return {
          value: () => value,
          add: (amount) => {
            value += amount
          },
          set: (to) => {
            value = to
          },
          record() {},
        }
      },
    },
    // Which clusters there are is known to the proxy only, and may change; a start must not hang on it.
    clusters: {
      has: () => true,
      httpCall: () => stop,
      grpcCall: () => stop,
      grpcStream: () => ({ waiting: 0, send() {}, cancel() {} }),
    },
    log: {
      level: WARN,
      log: (_level, message) => {
        said.push(message.slice(0, 500))
        if (said.length > 10) said.shift()
      },
    },
    clock: systemClock,
    timers: { ...systemTimers, after: () => () => {} },
    attribute: () => undefined,
  }
}
