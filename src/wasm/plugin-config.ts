import { SluiceError } from '../errors.ts'

/** FAIL_CLOSED answers 503, FAIL_OPEN goes on without the plugin, FAIL_RELOAD is FAIL_CLOSED until a new VM has started. */
export type FailurePolicy = 'FAIL_CLOSED' | 'FAIL_OPEN' | 'FAIL_RELOAD'

/** One configured plugin, as in envoy.extensions.wasm.v3.PluginConfig. All but the name may be left out. */
export interface PluginConfig {
  readonly name: string
  readonly rootId?: string
  readonly configuration?: Uint8Array | string
  readonly vmId?: string
  readonly vmConfiguration?: Uint8Array | string
  readonly environment?: Readonly<Record<string, string>>
  /** Host functions and callbacks that the module may use; absent or empty: all (Envoy's capability restriction). */
  readonly allowedCapabilities?: readonly string[]
  readonly failurePolicy?: FailurePolicy
  /** First pause of FAIL_RELOAD; it grows with each failure. */
  readonly reloadIntervalMs?: number
  /** Takes 1 from a headers callback as Envoy's StopIteration instead of StopAllIterationAndWatermark. */
  readonly allowOnHeadersStopIteration?: boolean
  /** Lets bytes that are not UTF-8 through to the module, as Envoy does; the Rust SDK panics on them. */
  readonly passInvalidUtf8?: boolean
  /** Delivers proxy_on_done before proxy_on_log for HTTP too, as the spec has it; Envoy logs first. */
  readonly specFinishOrder?: boolean
  /** Leaves content-length as it is after a body edit, as Envoy does. */
  readonly keepContentLength?: boolean
}

/** A PluginConfig with every default filled in. */
export interface PluginSettings {
  readonly name: string
  readonly rootId: string
  readonly vmId: string
  readonly configuration: Uint8Array
  readonly vmConfiguration: Uint8Array
  readonly environment: Readonly<Record<string, string>>
  readonly allowedCapabilities: ReadonlySet<string> | undefined
  readonly failurePolicy: FailurePolicy
  readonly reloadIntervalMs: number
  readonly allowOnHeadersStopIteration: boolean
  readonly passInvalidUtf8: boolean
  readonly specFinishOrder: boolean
  readonly keepContentLength: boolean
}

/** Fills in what the config leaves open. Throws SL4017 for an environment that WASI cannot express. */
export function settle(config: PluginConfig): PluginSettings {
  for (const [name, value] of Object.entries(config.environment ?? {})) {
    if (name === '' || /[=\0]/.test(name) || value.includes('\0')) {
      throw new SluiceError('SL4017', `environment variable ${JSON.stringify(name)} cannot be expressed`)
    }
  }
  const allowed = config.allowedCapabilities ?? []
  return {
    name: config.name,
    rootId: config.rootId ?? '',
    vmId: config.vmId ?? '',
    configuration: toBytes(config.configuration),
    vmConfiguration: toBytes(config.vmConfiguration),
    environment: config.environment ?? {},
    allowedCapabilities: allowed.length === 0 ? undefined : new Set(allowed),
    failurePolicy: config.failurePolicy ?? 'FAIL_CLOSED',
    reloadIntervalMs: config.reloadIntervalMs ?? 1000,
    allowOnHeadersStopIteration: config.allowOnHeadersStopIteration ?? false,
    passInvalidUtf8: config.passInvalidUtf8 ?? false,
    specFinishOrder: config.specFinishOrder ?? false,
    keepContentLength: config.keepContentLength ?? false,
  }
}

function toBytes(value: Uint8Array | string | undefined): Uint8Array {
  if (value === undefined) return new Uint8Array()
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value
}
