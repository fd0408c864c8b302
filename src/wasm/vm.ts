import { IdTable } from '../base/id-table.ts'
import { timeHasPassed } from '../base/read-clock.ts'
import { LOG_LEVELS, type LogLevel } from './abi/constants.ts'
import type { CallbackName } from './abi/signatures.ts'
import { LONG_BIT, longBelow } from './binary/callback-entries.ts'
import type { CompiledModule } from './compile.ts'
import type { Context } from './context/context.ts'
import { describeFailure, GuestFault, type PluginFailure } from './failure.ts'
import { type DeclaredProperty, Expressions } from './foreign/state.ts'
import { GuestFunctions } from './guest.ts'
import type { HostServices, PluginIdentity } from './host.ts'
import type { Limits } from './limits.ts'
import { LogGate } from './log-gate.ts'
import { type StringGiver, stringGiverFor } from './string-giver.ts'
import type { TraceSink } from './trace.ts'
import { VmMetrics } from './vm-metrics.ts'

/** Bits of `Vm.special`. While it is 0 a host function does its work and nothing else. */
const SPECIAL = { starting: 1, allocating: 2, tracing: 4, failed: 8 } as const

/** What may be called before the module is started, and from within its allocator (cpp-host's restricted callbacks). */
const WHILE_ALLOCATING: ReadonlySet<string> = new Set([
  'proxy_log',
  'fd_write',
  'clock_time_get',
  'poll_oneoff',
  'sched_yield',
  'emscripten_notify_memory_growth',
  'pthread_equal',
])
const NOT_WHILE_STARTING = /^(?:envoy|proxy)_(?!log$)/

type Fn0 = () => number
type Fn1 = (a: number) => number
type Fn2 = (a: number, b: number) => number
type Fn3 = (a: number, b: number, c: number) => number
type Fn5 = (a: number, b: number, c: number, d: number, e: number) => number

/** What both the data of a VM and the plugins in it have in common. */
export interface VmOptions {
  readonly vmId: string
  readonly vmConfiguration: Uint8Array
  readonly environment: Readonly<Record<string, string>>
  /** Host functions and callbacks that the module may use; undefined or empty: all. */
  readonly allowedCapabilities: ReadonlySet<string> | undefined
  /** Give bytes that are not UTF-8 to the module as they are. */
  readonly passInvalidUtf8: boolean
}

/** So many host calls take no time that matters to a clock of milliseconds. */
const QUICK_CALLS = 16

const NO_MEMORY = Buffer.alloc(0)
const NO_VIEW = new DataView(new ArrayBuffer(0))

/**
 * One instance of a module and everything that its host functions reach: memory, contexts, budgets. All plugins of a worker with
 * the same VM key share one.
 */
export class Vm {
  readonly compiled: CompiledModule
  readonly services: HostServices
  readonly options: VmOptions
  readonly limits: Limits
  /** ABI 0.1.0 tells a missing header as an empty one. */
  readonly old: boolean
  /** The module's memory; `memory.length === 0` says that it has grown and the views are stale. */
  memory: Buffer = NO_MEMORY
  view: DataView = NO_VIEW
  /**
   * On whose behalf host functions act. It stays when the callback has returned, until the context goes: each pointer that a VM, which
   * is old, gets to a stream, which is young, is an entry in the garbage collector's books.
   */
  current: Context | undefined
  special = 0
  budget = 0
  failure: PluginFailure | undefined
  failedAt = 0
  /** The first error that a host function has thrown at the module. */
  #fault: GuestFault | undefined
  trace: TraceSink | undefined
  readonly contexts = new IdTable<Context>()
  /** How many plugins have their root context here. */
  plugins = 0
  guest: Readonly<GuestFunctions> = new GuestFunctions()
  /** Callbacks run, for the admin pages. */
  callbacks = 0
  /** By the key in the filter state; made by the foreign function declare_property. */
  readonly declared = new Map<string, DeclaredProperty>()
  readonly expressions: Expressions
  readonly metrics: VmMetrics
  readonly #log: LogGate
  #printed = ''
  #printedLevel = 0
  #wasmMemory: WebAssembly.Memory | undefined
  #malloc: Fn1 = noAllocator
  /** Made when it is needed: an idle VM has none. */
  #giver: StringGiver | undefined
  #setFuel: (fuel: number) => void = nothing
  #getFuel: Fn0 | undefined
  /** A callback that leaves less of the budget for host calls may have taken long; without fuel each may. */
  #quickBudget = Number.POSITIVE_INFINITY
  /** What the callbacks within which another runs had left. */
  readonly #outerFuel: number[] = []
  #depth = 0
  #nextId = 1
  readonly #deferred: (() => void)[] = []
  #nextDeferred = 0
  readonly #onFailure: (vm: Vm) => void
  /** For whom the module logs before there is a context. */
  readonly #owner: PluginIdentity

  constructor(
    compiled: CompiledModule,
    options: VmOptions,
    services: HostServices,
    owner: PluginIdentity,
    onFailure: (vm: Vm) => void,
  ) {
    this.#owner = owner
    this.compiled = compiled
    this.options = options
    this.services = services
    this.limits = compiled.limits
    this.old = compiled.abi === '0.1.0'
    this.#onFailure = onFailure
    this.expressions = new Expressions(this.limits)
    this.metrics = new VmMetrics(services.metrics, this.limits)
    this.#log = new LogGate(services, this.limits)
  }

  /** The context is over. */
  forget(context: Context): void {
    this.contexts.delete(context.id)
    if (this.current === context) this.current = undefined
  }

  /** Writes a line for the current plugin; the caller has checked level and range. */
  log(level: number, pointer: number, length: number): void {
    const plugin = this.current?.plugin ?? this.#owner
    this.#log.write(LOG_LEVELS[level], this.memory, pointer, length, plugin)
  }

  logText(level: LogLevel, text: string): void {
    this.#log.writeText(level, text, this.current?.plugin ?? this.#owner)
  }

  /** Connects the exports once the instance is there. */
  attach(
    memory: WebAssembly.Memory | undefined,
    guest: GuestFunctions,
    malloc: Fn1,
    setFuel: ((fuel: number) => void) | undefined,
    getFuel: Fn0 | undefined,
  ): void {
    this.#wasmMemory = memory
    this.guest = guest
    this.#malloc = malloc
    if (setFuel !== undefined) {
      this.#setFuel = setFuel
      this.#quickBudget = this.limits.hostCallBudget - QUICK_CALLS
    }
    this.#getFuel = getFuel
    this.refresh()
  }

  useMemory(memory: WebAssembly.Memory): void {
    this.#wasmMemory = memory
    this.refresh()
  }

  nextContextId(): number {
    return this.#nextId++
  }

  /** Makes the views anew after the memory has grown. */
  refresh(): void {
    if (this.#wasmMemory === undefined) return
    const buffer = this.#wasmMemory.buffer
    this.memory = Buffer.from(buffer)
    this.view = new DataView(buffer)
  }

  /** Standard output (level info) and error, written line by line: Go's runtime prints a crash word by word. */
  print(level: number, bytes: string): void {
    if (level < this.services.log.level) return
    if (this.#printedLevel !== level) this.#flush()
    this.#printedLevel = level
    const text = this.#printed + bytes
    const end = text.lastIndexOf('\n')
    this.#printed = end < 0 ? text : text.slice(end + 1)
    if (end >= 0) this.logText(LOG_LEVELS[level], Buffer.from(text.slice(0, end), 'latin1').utf8Slice())
    if (this.#printed.length > this.limits.logMessageBytes) this.#flush()
  }

  #flush(): void {
    const text = this.#printed
    if (text === '') return
    this.#printed = ''
    this.logText(LOG_LEVELS[this.#printedLevel], Buffer.from(text, 'latin1').utf8Slice())
  }

  /** True when the range lies in the module's memory. Pointers come signed: the caller has applied `>>> 0`. */
  holds(pointer: number, length: number): boolean {
    // Growth detaches the views, also memory.grow(0).
    if (this.memory.length === 0) this.refresh()
    return pointer + length <= this.memory.length
  }

  /** A block of exactly `size` bytes (never 0: the Go SDK's allocator panics) that the module then owns. */
  allocate(size: number): number {
    const special = this.special
    this.special = special | SPECIAL.allocating
    const pointer = this.#malloc(size) >>> 0
    this.special = special | (this.special & SPECIAL.failed)
    this.#checkBlock(pointer, size)
    return pointer
  }

  get giver(): StringGiver {
    this.#giver ??= stringGiverFor(this.#wasmMemory, this.#malloc)
    return this.#giver
  }

  /** `allocate` for a short byte string (not the empty one), with the writing of it and of the two slots, which the caller has checked. */
  giveText(text: string, length: number, pointerSlot: number, sizeSlot: number): void {
    const special = this.special
    this.special = special | SPECIAL.allocating
    const pointer = this.giver.give(text, length, pointerSlot, sizeSlot) >>> 0
    this.special = special | (this.special & SPECIAL.failed)
    this.#checkBlock(pointer, length)
  }

  #checkBlock(pointer: number, size: number): void {
    if (this.memory.length === 0) this.refresh()
    if (pointer === 0 || pointer + size > this.memory.length) {
      throw this.fault('allocator', `${size} bytes were asked for, the allocator returned ${pointer}`)
    }
  }

  /**
   * Marks the VM as dead and gives the error to throw, which ends the module's frames. A module that catches it gains nothing: it has no
   * fuel left, or it would call again and again, and each error costs the host a thousand times what a call costs the module.
   */
  fault(cause: GuestFault['failure'], message: string): GuestFault {
    this.special |= SPECIAL.failed
    this.#fault ??= new GuestFault(cause, message)
    this.#setFuel(0)
    return this.#fault
  }

  /** The slow way into a host function: phases, tracing, death. */
  intercept(name: string, call: (...args: never[]) => number, ...args: unknown[]): number {
    const special = this.special
    if ((special & SPECIAL.failed) !== 0) throw this.fault('restricted_call', `${name} after a failure`)
    if ((special & SPECIAL.allocating) !== 0 && !WHILE_ALLOCATING.has(name)) {
      throw this.fault('restricted_call', `${name} was called from within the allocator, or after it threw`)
    }
    if ((special & SPECIAL.starting) !== 0 && NOT_WHILE_STARTING.test(name)) {
      throw this.fault('restricted_call', `${name} was called before the module was started`)
    }
    this.special = 0
    let result: number
    try {
      result = (call as (...args: unknown[]) => number)(...args)
    } finally {
      this.special |= special
    }
    if ((special & SPECIAL.tracing) !== 0) this.trace?.hostCall(this, name, args, result)
    return result
  }

  setTrace(sink: TraceSink | undefined): void {
    this.trace = sink
    if (sink === undefined) this.special &= ~SPECIAL.tracing
    else this.special |= SPECIAL.tracing
  }

  /** Takes from what host functions may do in one callback. */
  spend(amount: number): void {
    this.budget -= amount
    if (this.budget < 0)
      throw this.fault('fuel', `its host calls did more than hostCallBudget (${this.limits.hostCallBudget}) allows`)
  }

  call1(context: Context, name: CallbackName, fn: Fn1, a: number): number {
    const before = this.#enter(context)
    let result = 0
    try {
      result = fn(a)
    } catch (error) {
      this.fail(error, name, context)
    }
    return this.#leave(context, before, name, result, a)
  }

  call2(context: Context, name: CallbackName, fn: Fn2, a: number, b: number): number {
    const before = this.#enter(context)
    let result = 0
    try {
      result = fn(a, b)
    } catch (error) {
      this.fail(error, name, context)
    }
    return this.#leave(context, before, name, result, a, b)
  }

  call3(context: Context, name: CallbackName, fn: Fn3, a: number, b: number, c: number): number {
    const before = this.#enter(context)
    let result = 0
    try {
      result = fn(a, b, c)
    } catch (error) {
      this.fail(error, name, context)
    }
    return this.#leave(context, before, name, result, a, b, c)
  }

  call5(context: Context, name: CallbackName, fn: Fn5, a: number, b: number, c: number, d: number, e: number): number {
    const before = this.#enter(context)
    let result = 0
    try {
      result = fn(a, b, c, d, e)
    } catch (error) {
      this.fail(error, name, context)
    }
    return this.#leave(context, before, name, result, a, b, c, d, e)
  }

  /** Runs the module's entry points; nothing but logging is allowed meanwhile. */
  runStart(name: string, call: () => void): void {
    this.special |= SPECIAL.starting
    this.budget = this.limits.hostCallBudget
    this.#setFuel(this.limits.startFuel)
    try {
      call()
      if (this.#fault !== undefined) throw this.#fault
    } catch (error) {
      this.fail(error, name)
    } finally {
      this.#flush()
      this.special &= ~SPECIAL.starting
    }
  }

  /** True while module code is on the stack: what would enter it again has to wait. */
  get busy(): boolean {
    return this.#depth > 0
  }

  /** Runs `action` now, or when the outermost call into the module has returned (SDKs cannot be entered twice: the Rust SDK panics). */
  defer(action: () => void): void {
    this.#deferred.push(action)
    if (this.#depth === 0) this.#drain()
  }

  /** Without a context: at the start. */
  fail(error: unknown, callback: string, context?: Context): void {
    if (this.failure !== undefined) return
    timeHasPassed()
    const outOfFuel = this.#getFuel !== undefined && this.#getFuel() < 0
    const plugin = context?.plugin.name ?? this.#owner.name
    // What a module does after the host's fault comes of that.
    this.failure = describeFailure(this.#fault ?? error, outOfFuel, plugin, callback, this.compiled)
    this.failedAt = this.services.clock.monotonicMs()
    this.special |= SPECIAL.failed
    // What the failed callback asked for is void; its streams are told of the failure instead.
    this.#deferred.length = 0
    this.#nextDeferred = 0
    this.defer(() => this.#onFailure(this))
  }

  #enter(context: Context): Context | undefined {
    const before = this.current
    if (before !== context) this.current = context
    if (this.#depth++ > 0) this.#outerFuel.push(this.#getFuel?.() ?? 0)
    else this.budget = this.limits.hostCallBudget
    this.callbacks++
    return before
  }

  #leave(
    context: Context,
    before: Context | undefined,
    name: CallbackName,
    returned: number,
    a: number,
    b?: number,
    c?: number,
    d?: number,
    e?: number,
  ): number {
    // What no callback of the ABI returns may have the bit of a long one.
    const quick = (returned & ~3) === 0 && this.budget >= this.#quickBudget
    const result = quick ? returned : this.#slow(name, returned)
    if (this.special !== 0) this.#leaveSpecial(context, name, result, [a, b, c, d, e])
    if (this.#printed !== '') this.#flush()
    if (--this.#depth > 0) {
      this.current = before
      const fuel = this.#outerFuel.pop() ?? 0
      this.#setFuel(this.#fault === undefined ? fuel : 0)
    } else if (this.#deferred.length > 0) this.#drain()
    return result
  }

  /** After a callback that may have taken long; gives what it has returned. */
  #slow(name: CallbackName, returned: number): number {
    timeHasPassed()
    if (this.#getFuel === undefined) return returned
    return this.#getFuel() < longBelow(name, this.limits) ? returned ^ LONG_BIT : returned
  }

  #leaveSpecial(context: Context, name: CallbackName, result: number, args: readonly (number | undefined)[]): void {
    if (this.failure === undefined && (this.special & SPECIAL.allocating) !== 0) {
      this.fault('allocator', 'the allocator threw an exception')
    }
    // The module has caught it.
    if (this.#fault !== undefined) this.fail(this.#fault, name, context)
    this.trace?.callback(
      this,
      name,
      args.filter((arg) => arg !== undefined),
      result,
    )
  }

  #drain(): void {
    // An action may call into the module again. What that call asks for has to be done when it returns, or its stream would go on meanwhile.
    try {
      while (this.#nextDeferred < this.#deferred.length) this.#deferred[this.#nextDeferred++]()
    } finally {
      this.#deferred.length = 0
      this.#nextDeferred = 0
    }
  }
}

function noAllocator(): number {
  return 0
}

function nothing(): void {}
