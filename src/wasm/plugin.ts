import { SluiceError } from '../errors.ts'
import type { CompiledModule } from './compile.ts'
import { HttpContext } from './context/http-context.ts'
import { NetworkContext } from './context/network-context.ts'
import { RootContext } from './context/root-context.ts'
import type { PluginFailure } from './failure.ts'
import type { ConnectionHost, HostServices, HttpStreamHost, LoggedStream } from './host.ts'
import { instantiate } from './instantiate.ts'
import { type PluginConfig, type PluginSettings, settle } from './plugin-config.ts'
import { ReloadBudget } from './reload-budget.ts'
import type { TraceSink } from './trace.ts'
import type { Vm } from './vm.ts'
import { VmCache, vmKey } from './vm-cache.ts'

/**
 * A configured extension on one thread: a root context in a VM, which other plugins may share. `start` throws when the module or
 * its configuration is bad; afterwards the plugin never throws, its failure policy decides.
 */
export class Plugin {
  readonly settings: PluginSettings
  readonly #compiled: CompiledModule
  readonly #services: HostServices
  readonly #vms: VmCache
  readonly #key: string
  readonly #budget: ReloadBudget
  #root: RootContext
  #failed = false
  #trace: TraceSink | undefined
  #closed = false
  #supervised = false
  #stopTimer: (() => void) | undefined

  /**
   * Makes (or joins) the VM and runs `proxy_on_context_create`, `proxy_on_vm_start` and `proxy_on_configure`. `vms` is what the
   * plugins of one thread share; without it the plugin has a VM of its own. `trace` shows the start too.
   */
  static start(
    compiled: CompiledModule,
    config: PluginConfig,
    services: HostServices,
    vms?: VmCache,
    trace?: TraceSink,
  ): Plugin {
    return new Plugin(compiled, config, services, vms ?? new VmCache(), trace)
  }

  private constructor(
    compiled: CompiledModule,
    config: PluginConfig,
    services: HostServices,
    vms: VmCache,
    trace: TraceSink | undefined,
  ) {
    this.#trace = trace
    this.settings = settle(config)
    this.#compiled = compiled
    this.#services = services
    this.#vms = vms
    this.#key = vmKey(compiled, this.settings)
    this.#budget = new ReloadBudget(services.clock, this.settings.reloadIntervalMs)
    this.#root = this.#startRoot()
  }

  get vm(): Vm {
    return this.#root.vm
  }

  get root(): RootContext {
    return this.#root
  }

  /** Why the plugin does not run, while it does not. */
  get failure(): PluginFailure | undefined {
    return this.#root.vm.failure
  }

  /** A context for one HTTP stream. With FAIL_RELOAD this is where a dead VM is replaced. */
  createHttpContext(stream: HttpStreamHost): HttpContext {
    if (this.#failed || this.#root.vm.failure !== undefined) this.#reload()
    return new HttpContext(this.#root, stream)
  }

  createNetworkContext(connection: ConnectionHost): NetworkContext {
    if (this.#failed || this.#root.vm.failure !== undefined) this.#reload()
    return new NetworkContext(this.#root, connection)
  }

  /** `proxy_on_log` of an access logger; the entry of a plugin that has failed is lost. */
  log(stream: LoggedStream): void {
    if (this.#failed || this.#root.vm.failure !== undefined) this.#reload()
    this.#root.log(stream)
  }

  /** For a plugin that no stream asks for (a service): with FAIL_RELOAD a timer replaces a dead VM. */
  supervise(): void {
    this.#supervised = true
    if (this.#root.vm.failure !== undefined) this.#scheduleReload()
  }

  /** Shows every host call and callback of the VM to `sink`, or stops doing so. */
  setTrace(sink: TraceSink | undefined): void {
    this.#trace = sink
    this.#root.vm.setTrace(sink)
  }

  /** Ends the plugin: `proxy_on_done`, then `proxy_on_delete` now or after `proxy_done`. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#stopTimer?.()
    this.#root.shutdown()
    this.#services.shared.release(this.settings.vmId)
    if (--this.#root.vm.plugins === 0) this.#vms.remove(this.#key, this.#root.vm)
  }

  #startRoot(): RootContext {
    let vm = this.#vms.get(this.#key)
    if (vm === undefined) {
      vm = instantiate(this.#compiled, { ...this.settings }, this.#services, this.settings, (dead) =>
        this.#onFailure(dead),
      )
      this.#vms.put(this.#key, vm)
    }
    this.#services.shared.retain(this.settings.vmId)
    vm.plugins++
    const root = new RootContext(vm, this.settings)
    root.onVmFailed = () => this.#scheduleReload()
    try {
      if (this.#trace !== undefined) vm.setTrace(this.#trace)
      root.create()
      // Every plugin's start calls it, also on a shared VM (cpp-host); SDKs accept repetition.
      if (vm.failure === undefined && !root.vmStart()) throw refused('SL4010', this.settings.name, vm)
      if (vm.failure === undefined && !root.configure()) throw refused('SL4011', this.settings.name, vm)
      if (vm.failure !== undefined) throw vm.failure.error
    } catch (error) {
      root.release()
      vm.forget(root)
      vm.plugins--
      if (vm.plugins === 0) this.#vms.remove(this.#key, vm)
      this.#services.shared.release(this.settings.vmId)
      throw error
    }
    return root
  }

  #onFailure(vm: Vm): void {
    this.#vms.remove(this.#key, vm)
    this.#services.count?.(this.settings.name, 'vm_failure')
    if (vm.failure !== undefined) this.#services.log.log('error', vm.failure.error.message, this.settings)
    for (const context of vm.contexts.all()) context.vmFailed()
    vm.contexts.clear()
    vm.current = undefined
  }

  #noteFailure(): void {
    if (this.#failed) return
    this.#failed = true
    this.#budget.failed(this.#root.vm.failedAt)
  }

  #scheduleReload(): void {
    if (!this.#supervised || this.#closed || this.settings.failurePolicy !== 'FAIL_RELOAD') return
    this.#noteFailure()
    this.#stopTimer?.()
    this.#stopTimer = this.#services.timers.after(this.#budget.waitMs, () => {
      this.#stopTimer = undefined
      this.#reload()
      if (this.#failed) this.#scheduleReload()
    })
  }

  #reload(): void {
    this.#noteFailure()
    if (this.settings.failurePolicy !== 'FAIL_RELOAD' || this.#closed) return
    if (!this.#budget.due) {
      this.#services.count?.(this.settings.name, 'vm_reload_backoff')
      return
    }
    this.#services.count?.(this.settings.name, 'vm_reload')
    const dead = this.#root.vm
    try {
      this.#root = this.#startRoot()
      this.#services.shared.release(this.settings.vmId)
      dead.plugins--
      this.#failed = false
      this.#services.count?.(this.settings.name, 'vm_reload_success')
    } catch (error) {
      this.#budget.failed()
      this.#services.count?.(this.settings.name, 'vm_reload_failure')
      this.#services.log.log('error', error instanceof Error ? error.message : String(error), this.settings)
    }
  }
}

function refused(code: 'SL4010' | 'SL4011', plugin: string, vm: Vm): Error {
  // A trap is the better reason than the false that stands in for its result.
  return vm.failure?.error ?? new SluiceError(code, plugin, { where: plugin })
}
