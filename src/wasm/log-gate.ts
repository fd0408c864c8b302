import type { LogLevel } from './abi/constants.ts'
import type { HostServices, PluginIdentity } from './host.ts'
import type { Limits } from './limits.ts'

/** Lets a VM's log lines through at a bounded rate; a flood would fill the disk and stall the worker on the pipe. */
export class LogGate {
  readonly #services: HostServices
  readonly #limits: Limits
  #tokens: number
  #refilled: number
  #dropped = 0
  /** Lines that are not counted yet, and whose they are: a flood must not pay for a look-up of its counter with each line. */
  #uncounted = 0
  #flooder: PluginIdentity | undefined
  /** No token can have been earned yet. Lines that are dropped need not look at the clock for that. */
  #empty = false

  constructor(services: HostServices, limits: Limits) {
    this.#services = services
    this.#limits = limits
    this.#tokens = limits.logBurst
    this.#refilled = services.clock.monotonicMs()
  }

  readonly #lookAgain = (): void => {
    this.#empty = false
    this.#count()
  }

  write(level: LogLevel, memory: Buffer, pointer: number, length: number, plugin: PluginIdentity): void {
    if (!this.#pass(plugin)) return
    const cut = Math.min(length, this.#limits.logMessageBytes)
    const text = memory.utf8Slice(pointer, pointer + cut)
    const more = length > cut ? ` [${length - cut} bytes more]` : ''
    this.#services.log.log(level, text + more, plugin)
  }

  writeText(level: LogLevel, text: string, plugin: PluginIdentity): void {
    if (this.#pass(plugin)) this.#services.log.log(level, text, plugin)
  }

  #pass(plugin: PluginIdentity): boolean {
    if (this.#tokens < 1 && !this.#empty) this.#refill(plugin)
    if (this.#tokens < 1) {
      if (plugin !== this.#flooder) this.#count()
      this.#flooder = plugin
      this.#uncounted++
      this.#dropped++
      return false
    }
    this.#tokens--
    return true
  }

  #count(): void {
    if (this.#flooder !== undefined) this.#services.count?.(this.#flooder.name, 'logs_dropped', this.#uncounted)
    this.#flooder = undefined
    this.#uncounted = 0
  }

  #refill(plugin: PluginIdentity): void {
    const now = this.#services.clock.monotonicMs()
    const earned = ((now - this.#refilled) / 1000) * this.#limits.logsPerSecond
    if (earned < 1) {
      this.#empty = true
      this.#services.timers.after((1 - earned) * (1000 / this.#limits.logsPerSecond), this.#lookAgain)
      return
    }
    this.#refilled = now
    this.#tokens = Math.min(this.#limits.logBurst, this.#tokens + earned)
    if (this.#dropped === 0) return
    this.#services.log.log('warn', `${this.#dropped} log lines were dropped (logsPerSecond)`, plugin)
    this.#dropped = 0
  }
}
