import { type ErrorCode, SluiceError } from '../errors.ts'
import { GIVER_NAME } from './binary/giver-module.ts'

/** Why a VM died, in one word for the access log. */
export type FailureCause = 'trap' | 'fuel' | 'stack_overflow' | 'restricted_call' | 'allocator' | 'start' | 'internal'

const CODES: Readonly<Record<FailureCause, ErrorCode>> = {
  trap: 'SL4012',
  fuel: 'SL4013',
  stack_overflow: 'SL4014',
  restricted_call: 'SL4015',
  allocator: 'SL4016',
  start: 'SL4009',
  internal: 'SL4012',
}

/** Why a plugin has failed, as its log and its owner are told. */
export interface PluginFailure {
  readonly cause: FailureCause
  /** The plugin whose callback ran; another plugin of the same VM fails with it. */
  readonly plugin: string
  /** The callback that ran, such as `proxy_on_request_headers`. */
  readonly callback: string
  readonly message: string
  /** Innermost first, with the names of the module's name section. */
  readonly backtrace: readonly string[]
  readonly error: SluiceError
}

/** What a backtrace has to know of a module. */
interface NamedFunctions {
  readonly exportedFunctions: ReadonlyMap<number, string>
  readonly functions: number
}

/** Thrown by host functions through the module's frames when the module may not go on. */
export class GuestFault extends Error {
  readonly failure: FailureCause

  constructor(failure: FailureCause, message: string) {
    super(message)
    this.failure = failure
  }
}

/** Makes it of whatever a callback of the module threw. */
export function describeFailure(
  error: unknown,
  outOfFuel: boolean,
  plugin: string,
  callback: string,
  { exportedFunctions, functions }: NamedFunctions,
): PluginFailure {
  const cause = causeOf(error, outOfFuel)
  const backtrace = backtraceOf(error, exportedFunctions, functions)
  const message = messageFor(cause, error)
  const trace = backtrace.length === 0 ? '' : `; backtrace: ${backtrace.join(' < ')}`
  const where = `${plugin}: ${callback}`
  return {
    cause,
    plugin,
    callback,
    message,
    backtrace,
    error: new SluiceError(CODES[cause], `${where}: ${message}${trace}`, { cause: error, where }),
  }
}

function causeOf(error: unknown, outOfFuel: boolean): FailureCause {
  if (error instanceof GuestFault) return error.failure
  // What fuel ends is an `unreachable` like any other; only the counter tells.
  if (outOfFuel) return 'fuel'
  if (error instanceof WebAssembly.RuntimeError || error instanceof WebAssembly.Exception) return 'trap'
  if (error instanceof RangeError) return 'stack_overflow'
  return 'internal'
}

function messageFor(cause: FailureCause, error: unknown): string {
  if (cause === 'fuel') return 'out of fuel (callbackFuel, startFuel for a start)'
  if (error instanceof WebAssembly.Exception) return 'an exception was not caught'
  return error instanceof Error ? error.message : String(error)
}

/** V8 writes `at name (wasm://wasm/name-1234:wasm-function[12]:0x3f)`; the name is that of the name section. */
const FRAME = /^\s*at (?:(.*) \()?wasm:\/\/.*wasm-function\[(\d+)\]:(0x[0-9a-f]+)\)?$/

function backtraceOf(error: unknown, exported: ReadonlyMap<number, string>, functions: number): string[] {
  if (!(error instanceof Error) || error.stack === undefined) return []
  const frames: string[] = []
  for (const line of error.stack.split('\n')) {
    const match = FRAME.exec(line)
    // What the host has put between itself and the module, or between an allocator and the host call that asked it.
    if (match === null || match[1] === GIVER_NAME || Number(match[2]) >= functions) continue
    // Without a name section, exports are all that has a name.
    const name = match[1] ?? exported.get(Number(match[2])) ?? `function[${match[2]}]`
    frames.push(`${name}@${match[3]}`)
  }
  return frames
}
